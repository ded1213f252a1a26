"""Read dead letters, and send their records again to the topics that they came from."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamseg.events.cloudevents import PROBE_TYPE
from streamseg.events.record import Record
from streamseg.events.rejection import CUT_HEADER, ERROR_HEADERS, original_headers
from streamseg.ports import EventSink, Log, OutgoingRecord
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS

REDRIVEN: Final = f"{ERROR_HEADERS}redriven"
"""Header of a record that marks a dead letter as sent again: same topic and key, no value."""
LETTERS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record, identified by topic, partition and offset: a rewind can write it twice."""

    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    detail: str
    rejected_at: float
    """Epoch seconds."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(repr=False)
    """Headers of the original record."""
    cut: bool = False
    """True if the record was too large to keep its whole value; it cannot be sent again."""

    def shown(self) -> dict[str, Any]:
        """Return the fields that may be printed: all except the content of the record."""
        fields = asdict(self) | {"bytes": len(self.value or b"")}
        return {name: value for name, value in fields.items() if name not in {"key", "value", "headers"}}

    def original(self) -> OutgoingRecord:
        """Return the original record for its topic; the key decides the partition."""
        return OutgoingRecord(self.topic, self.key, self.value, self.headers)

    def redriven_mark(self) -> OutgoingRecord:
        """Return the record that marks this dead letter as sent again."""
        place = {"topic": self.topic, "partition": str(self.partition), "offset": str(self.offset)}
        headers = tuple((f"{ERROR_HEADERS}{name}", text.encode()) for name, text in place.items())
        return OutgoingRecord(DEAD_LETTERS, self.key, None, (*headers, (REDRIVEN, b"1")))


async def read_dead_letters(log: Log, partitions: int, starts: Mapping[int, int] | None = None) -> list[DeadLetter]:
    """Return the dead letters that were not sent again, each once, in the order of rejection.

    Args:
        log: reads the dead letter topic.
        partitions: its partition count.
        starts: offsets by partition, before which none are read.
    """
    redriven: set[tuple[str, int, int]] = set()
    found = await read_all_dead_letters(log, partitions, redriven, starts)
    left = (letter for place, letter in found.items() if place not in redriven)
    return sorted(left, key=lambda letter: letter.rejected_at)


async def read_all_dead_letters(
    log: Log,
    partitions: int,
    redriven: set[tuple[str, int, int]] | None = None,
    starts: Mapping[int, int] | None = None,
) -> dict[tuple[str, int, int], DeadLetter]:
    """Return every dead letter by topic, partition and offset of its record; adds those sent again to `redriven`."""
    found: dict[tuple[str, int, int], DeadLetter] = {}
    for partition in range(partitions):
        first, end = await log.bounds(DEAD_LETTERS, partition)
        start = max(first, (starts or {}).get(partition, 0))
        async for records in log.read(DEAD_LETTERS, partition, start, end):
            for record in records:
                letter = _letter(record)
                if letter is None:
                    continue
                place = letter.topic, letter.partition, letter.offset
                if not any(name == REDRIVEN for name, _ in record.headers):
                    found.setdefault(place, letter)
                elif redriven is not None:
                    redriven.add(place)
    return found


async def redrive(letters: Iterable[DeadLetter], sink: EventSink) -> int:
    """Send the records that are complete, and mark their dead letters; return the number of records sent.

    Records and marks go in one `send`. With a transactional sink, an interrupted call can be made again: what was sent
    is marked, and what is not marked was not sent.
    """
    chosen = [letter for letter in letters if not letter.cut]
    for start in range(0, len(chosen), LETTERS_AT_ONCE):
        piece = chosen[start : start + LETTERS_AT_ONCE]
        await sink.send([*(one.original() for one in piece), *(one.redriven_mark() for one in piece)])
    return len(chosen)


def _letter(record: Record) -> DeadLetter | None:
    """Parse a record of the dead letter topic; None if no worker wrote it, or if it holds a mere probe."""
    errors = {
        name.removeprefix(ERROR_HEADERS): (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith(ERROR_HEADERS)
    }
    if ("ce_type", PROBE_TYPE.encode()) in record.headers:
        return None
    if errors.get("topic") not in INPUT_TOPICS or not errors.get("partition", "").isdigit():
        return None
    return DeadLetter(
        topic=errors["topic"],
        partition=int(errors["partition"]),
        offset=int(errors.get("offset", "0")),
        stage=errors.get("stage", ""),
        reason=errors.get("reason", ""),
        detail=errors.get("detail", ""),
        rejected_at=record.timestamp / 1000.0,
        key=record.key,
        value=record.value,
        headers=original_headers(record.headers),
        cut=any(name == CUT_HEADER for name, _ in record.headers),
    )
