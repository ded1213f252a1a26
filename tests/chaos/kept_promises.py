"""After a run: erased customers are nowhere, withdrawn ones are not shown to ads, and sizes equal a count."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from streamseg.api.webhooks.messages import Change
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import Reason
from streamseg.features.fields import NEVER
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode
from streamseg.membership.latest_changes import segments_of
from streamseg.pipeline import SIZE_PREFIX
from streamseg.ports import ChangeRecord, Subscriber
from streamseg.repair.redrive import DeadLetter

ADS: Final = Subscriber("ads", "https://ads.example/hook", "whsec_c2VjcmV0", purpose="ads")


def wrong_sizes(layout: Layout, rows: Mapping[str, bytes], sizes: Mapping[str, int]) -> list[str]:
    """Return the segments whose stored size differs from the count of the partition's rows in them."""
    loaded = Rows(layout)
    slots = loaded.load(list(rows), list(rows.values()))
    counted = Counter(
        id_of(name, code)
        for codes in loaded.segment[slots].tolist()
        for name, code in zip(layout.segmentations, codes, strict=True)
        if code != UNASSIGNED
    )
    segments = {one for one in sizes if not one.startswith(SIZE_PREFIX)}
    return sorted(one for one in counted.keys() | segments if counted[one] != sizes.get(one, 0))


def customers_with_events(layout: Layout, rows: Mapping[str, bytes]) -> set[str]:
    """Return the customers whose row holds more than the marker of an erasure."""
    loaded = Rows(layout)
    slots = loaded.load(list(rows), list(rows.values()))
    return {customer for customer, seen in zip(rows, loaded.last_seen[slots].tolist(), strict=True) if seen > NEVER}


def customers_with_values(records: Iterable[MemoryRecord]) -> set[str]:
    """Return the customers with a key whose last record is no tombstone; a key of samples is `<name>|<customer>`."""
    latest = {record.key: record.value for record in records if record.key}
    return {key.decode().rpartition("|")[2] for key, value in latest.items() if value is not None}


def untrue_to_ads(changes: Iterable[MemoryRecord], customers: Collection[str]) -> list[str]:
    """Return the customers of whom a subscriber with the purpose ads was told something that does not fit.

    Each segment must be entered and exited in turns, and all must be exited at the end. A subscriber ignores a record
    whose (epoch, seq) is not above all earlier ones of the customer.
    """
    inside: defaultdict[str, set[str]] = defaultdict(set)
    newest: dict[str, tuple[int, int]] = {}
    wrong: set[str] = set()
    for record in changes:
        customer = (record.key or b"").decode()
        if customer not in customers:
            continue
        change = Change(ChangeRecord(customer.encode(), record.value, str(record.offset), dict(record.headers)))
        if change.order is None or change.order <= newest.get(customer, (0, 0)):
            continue
        newest[customer] = change.order
        for one in _told(change):
            entered = one["change"] == "entered"
            if (one["segment"] in inside[customer]) is entered:
                wrong.add(customer)
            (inside[customer].add if entered else inside[customer].discard)(one["segment"])
    return sorted(wrong | {customer for customer, segments in inside.items() if segments})


def _told(change: Change) -> list[dict[str, str]]:
    """Return the changes in the message that the subscriber gets; a removal has none."""
    found = [msgspec.json.decode(one.body)["data"].get("changes", ()) for one in change.deliveries([ADS], 0.0)]
    return [each for changes in found for each in changes]


def summary(value: bytes | None) -> str:
    """Return order and segments of a membership string or change record in a few words."""
    if value is None:
        return "none"
    membership = decode(value)
    return f"{membership.epoch}-{membership.seq} {' '.join(segments_of(membership).values()) or 'unassigned'}"


def wrongly_set_aside(letters: Iterable[DeadLetter], poisoned: Collection[bytes]) -> list[str]:
    """Return what is wrong with the records that workers set aside: exactly the poisoned ones must be."""
    internal = [letter for letter in letters if letter.reason == Reason.INTERNAL]
    found = {letter.value: f"{letter.topic}-{letter.partition}@{letter.offset}" for letter in internal}
    missing = [f"poisoned record {value!r}" for value in poisoned if value not in found]
    return missing + [place for value, place in found.items() if value not in poisoned]
