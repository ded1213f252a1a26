"""Mutate valid records in the ways of broken producers, bad networks and attackers.

Some mutations leave a record valid, for example a changed letter in a search term. Only the decoder can tell.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final

from streamseg.events.record import MemoryRecord

LARGEST_BYTES: Final = 10_000_000
_OVERSIZED_SHARE: Final = 1 / 400
_VALUE_SHARE: Final = 0.9
"""Share of the other mutations that change the value; the rest change key or headers."""
_BYTES_SHARE: Final = 0.4
"""Share of value mutations that change its bytes; the rest change the JSON document."""

_ODD: Final = "@odd@"
"""Placeholder in a document, to be replaced by raw bytes that `json.dumps` would not write."""
_ODD_VALUES: Final = (
    *(b"null", b"true", b"0", b"-1", b"0.5", b'""', b"[]", b"{}", b'" "', b'"\\u0000"', b'"\\ud800"', b'"\\udc00x"'),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e308", b"1e-400", b"1e15", b"18446744073709551616", b"1.0"),
    *(b"9" * 400, b"9" * 5000, b"0." + b"3" * 3000, b"-0", b"01", b"+1", b".5", b"0x10"),
    *(
        b'"' + text + b'"'
        for text in (b"\xff\xfe", b"\xed\xa0\x80", b"a\x00b", b"\xe2\x80\xae", b"x" * 300, b"x" * 9000)
    ),
    *(b"[" * depth + b"]" * depth for depth in (50, 195, 250, 5000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (50, 195, 250, 5000)),
    *(b"[1,]", b"undefined", b"'x'", b"{", b'"', b"/* */ 1"),
)

_TIMES: Final = (
    *(f"{year:04}-01-01T00:00:00{offset}" for year in (1, 1900, 1969, 2020, 2262, 9999) for offset in ("Z", "+14:00")),
    *("2024-02-30T00:00:00Z", "2024-06-30T23:59:60Z", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01t00:00:00.1z"),
    *("yesterday", 1_717_416_000, -1, 1.7e12),
)

_HEADERS: Final[tuple[tuple[tuple[str, bytes], ...], ...]] = (
    (("ce_specversion", b"0.3"),),
    (("ce_specversion", b"1.0"), ("ce_type", b"streamseg.heartbeat.v1")),
    (("ce_type", b"com.example.other"),),
    (("content-type", b"application/cloudevents+json"),),
    (("content-type", b"\xff"),),
    (("trace", b"\x00\xff"), ("trace", b"")),
)


def mutated_record(record: MemoryRecord, rng: Random, largest_bytes: int = LARGEST_BYTES) -> MemoryRecord:
    """Return a copy of the record with a mutated value, key or headers.

    Args:
        record: a valid record whose value is a JSON object.
        rng: decides the mutation.
        largest_bytes: approximate upper limit of the size of values and keys.
    """
    if rng.random() < _OVERSIZED_SHARE:
        return _oversized(record, rng, largest_bytes)
    if rng.random() < _VALUE_SHARE:
        return replace(record, value=mutated(record.value or b"", rng))
    return rng.choice((_no_value, _another_key, _odd_headers))(record, rng)


def mutated(value: bytes, rng: Random) -> bytes:
    """Return the value, a JSON object, with its bytes or its document mutated."""
    return rng.choice(_BYTES_MUTATIONS if rng.random() < _BYTES_SHARE else _DOCUMENT_MUTATIONS)(value, rng)


# -- records ---------------------------------------------------------------------------------------------------------


def _no_value(record: MemoryRecord, _: Random) -> MemoryRecord:
    return replace(record, value=None)


def _another_key(record: MemoryRecord, rng: Random) -> MemoryRecord:
    key = record.key or b""
    return replace(record, key=rng.choice((None, b"", key + b" ", key[:-1], b"\xff" + key, rng.randbytes(8))))


def _odd_headers(record: MemoryRecord, rng: Random) -> MemoryRecord:
    return replace(record, headers=rng.choice(_HEADERS))


def _oversized(record: MemoryRecord, rng: Random, largest_bytes: int) -> MemoryRecord:
    """Make the value reach or exceed the size limit, or make an id 1 MB long, which can be the key too."""
    fields = json.loads(record.value or b"{}")
    size = min(rng.choice((900_000, 1_048_000, LARGEST_BYTES)), largest_bytes)
    name = rng.choice(("event_id", "customer_id", "unknown", "items", "traits"))
    fields[name] = _ODD
    match name:
        case "items":
            odd = b"[%b{}]" % (b"{}," * (size // 3))
        case "traits":
            odd = b"{%b}" % b",".join(b'"%d":[]' % number for number in range(min(size, 1_000_000) // 12))
        case _:
            odd = b'"%b"' % (b"x" * size)
    key = odd[1:-1] if name == "customer_id" and rng.choice((True, False)) else record.key
    return replace(record, key=key, value=_written(fields, odd, rng))


# -- bytes -----------------------------------------------------------------------------------------------------------


def _span(value: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(value) + 1)
    return start, min(len(value), start + rng.randrange(1, 20))


def _flipped(value: bytes, rng: Random) -> bytes:
    changed = bytearray(value)
    for _ in range(rng.randrange(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(value: bytes, rng: Random) -> bytes:
    return value[: rng.randrange(len(value))]


def _without_a_span(value: bytes, rng: Random) -> bytes:
    start, end = _span(value, rng)
    return value[:start] + value[end:]


def _with_noise(value: bytes, rng: Random) -> bytes:
    start, end = _span(value, rng)
    return value[:start] + rng.randbytes(rng.randrange(1, 12)) + value[rng.choice((start, end)) :]


def _with_a_span_twice(value: bytes, rng: Random) -> bytes:
    start, end = _span(value, rng)
    return value[:end] + value[start:]


def _noise(_: bytes, rng: Random) -> bytes:
    return rng.randbytes(rng.randrange(0, 200))


def _prefixed(value: bytes, rng: Random) -> bytes:
    return rng.choice((b"\0\0\0\0\7", b"\xef\xbb\xbf", b"\xff\xfe", b" \n", b"[", value)) + value


# -- JSON documents --------------------------------------------------------------------------------------------------


def _on_document(
    edit: Callable[[dict[str, Any], list[tuple[Any, Any]], Random], None],
) -> Callable[[bytes, Random], bytes]:
    """Make a mutation of bytes from an edit of the document.

    The edit gets the document and its places: (container, key or index) of every value within.
    """

    def mutation(value: bytes, rng: Random) -> bytes:
        document = json.loads(value)
        edit(document, _places(document), rng)
        return _written(document, rng.choice(_ODD_VALUES), rng)

    return mutation


def _written(document: dict[str, Any], odd: bytes, rng: Random) -> bytes:
    """Return the document as JSON, with the raw bytes `odd` in place of `_ODD`."""
    text = json.dumps(document, ensure_ascii=rng.choice((True, False)))
    return text.encode(errors="surrogatepass").replace(b'"%b"' % _ODD.encode(), odd)


def _places(within: Any) -> list[tuple[Any, Any]]:
    inner = within.items() if isinstance(within, dict) else enumerate(within) if isinstance(within, list) else ()
    return [place for name, value in inner for place in ((within, name), *_places(value))]


def _odd_value(_: dict[str, Any], places: list[tuple[Any, Any]], rng: Random) -> None:
    container, name = rng.choice(places)
    container[name] = _ODD


def _odd_time(document: dict[str, Any], _: list[tuple[Any, Any]], rng: Random) -> None:
    document["occurred_at"] = rng.choice(_TIMES)


def _without_a_field(_: dict[str, Any], places: list[tuple[Any, Any]], rng: Random) -> None:
    container, name = rng.choice(places)
    del container[name]


def _unknown_field(_: dict[str, Any], places: list[tuple[Any, Any]], rng: Random) -> None:
    container, _name = rng.choice([place for place in places if isinstance(place[0], dict)])
    container[rng.choice(("unknown", "", "\x00", "ключ", "merged_from", "at"))] = _ODD


def _fields_swapped(_: dict[str, Any], places: list[tuple[Any, Any]], rng: Random) -> None:
    (one, here), (other, there) = rng.choice(places), rng.choice(places)
    one[here], other[there] = _copy(other[there]), _copy(one[here])


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _with_a_name_twice(value: bytes, rng: Random) -> bytes:
    name = rng.choice(list(json.loads(value)))
    return value[: value.rindex(b"}")] + b',"%b":%b}' % (name.encode(), rng.choice(_ODD_VALUES))


Mutation = Callable[[bytes, Random], bytes]
_BYTES_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _flipped, _cut, _without_a_span, _with_noise, _with_a_span_twice, _noise, _prefixed,
)  # fmt: skip
_DOCUMENT_MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(_on_document(_odd_value), _on_document(_odd_value), _on_document(_odd_value)),
    *(_on_document(_without_a_field), _on_document(_without_a_field), _with_a_name_twice),
    *(_on_document(_odd_time), _on_document(_unknown_field), _on_document(_unknown_field)),
    _on_document(_fields_swapped),
)
"""Some are listed more than once, to be chosen more often."""
