"""Fuzz the decoder with broken records, and the rows with the events that it accepts."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import numpy as np

from streamseg.events.decode import Decoded, Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import Rows
from streamseg.features.update import absorb
from streamseg.features.vector import vectors
from streamseg.sources.mutations import mutated_record
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import INPUT_TOPICS

RUN_RECORDS: Final = 500
_CUSTOMERS: Final = 200
_NOW: Final = 1_795_442_709.0
"""Time at which all records were appended, epoch seconds: fixed, so that a seed always gives the same result."""
_MONEY: Final = Money("EUR", 2, {"GBP": 1.15, "JPY": 0.0061})


@dataclass(slots=True)
class FuzzReport:
    """Counts of records by outcome. `crashed` and `poisoned` must be 0."""

    tried: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Records by reason."""
    crashed: int = 0
    """Records and runs that raised an exception instead of being rejected."""
    poisoned: int = 0
    """Runs after which a feature vector was not finite."""
    crashes: list[str] = field(default_factory=list)
    """Descriptions of the first few crashes."""

    @property
    def harmless(self) -> bool:
        """True if nothing crashed and no row was poisoned."""
        return not self.crashed and not self.poisoned


def fuzz(records: int, seed: int, done: Callable[[int], None] = lambda _: None) -> FuzzReport:
    """Decode and absorb mutated records of all input topics.

    Args:
        records: number of records.
        seed: decides all records.
        done: called after each run with the number of records tried so far.
    """
    rng, report, target = Random(seed), FuzzReport(), _Target()  # noqa: S311 - must be repeatable
    while report.tried < records:
        kind = rng.choices(range(len(INPUT_TOPICS)), (6, 4, 2, 1, 1))[0]
        run = [
            mutated_record(good_record(kind, report.tried + number, rng), rng)
            for number in range(min(RUN_RECORDS, records - report.tried))
        ]
        report.tried += len(run)
        target.take(kind, run, report)
        done(report.tried)
    return report


class _Target:
    """The code under test: a decoder, and rows that absorb its events."""

    def __init__(self) -> None:
        self.decoder = Decoder(_MONEY)
        self.layout = Layout.of(categories=("shoes", "socks"), attributes=(Attribute("age", typical=0.0),))
        self.features = tuple(catalogue(self.layout))
        self.rows = Rows(self.layout)

    def take(self, kind: int, run: list[MemoryRecord], report: FuzzReport) -> None:
        try:
            decoded = self.decoder.decode_run(kind, run)
        except Exception:  # noqa: BLE001 - any exception is a bug to report
            decoded = self._one_by_one(kind, run, report)
        report.accepted += len(run) - len(decoded.rejected)
        report.rejected.update(rejected.reason.value for rejected in decoded.rejected)
        try:
            self._absorb(kind, decoded)
        except Exception as error:  # noqa: BLE001 - any exception is a bug to report
            _count_crash(report, f"absorbing a run of {INPUT_TOPICS[kind]}: {error!r}")
            self.rows.clear()
            return
        slots = np.fromiter(self.rows.slots.values(), dtype=np.intp, count=len(self.rows))
        if len(slots) and not np.isfinite(vectors(self.rows, slots, _NOW, self.features)).all():
            report.poisoned += 1
            self.rows.clear()

    def _one_by_one(self, kind: int, run: list[MemoryRecord], report: FuzzReport) -> Decoded:
        """Decode the records of a run that crashed one at a time, to find those that crash."""
        whole = Decoded()
        for record in run:
            try:
                one = self.decoder.decode_run(kind, [record])
            except Exception as error:  # noqa: BLE001 - any exception is a bug to report
                _count_crash(report, f"decoding {(record.value or b'')[:200]!r}: {error!r}")
                report.accepted -= 1
                continue
            whole.events += one.events
            whole.offsets += one.offsets
            whole.rejected += one.rejected
            whole.adjusted += one.adjusted
        return whole

    def _absorb(self, kind: int, decoded: Decoded) -> None:
        customers = [event.customer_id for event in decoded.events]
        new = self.rows.missing(customers)
        self.rows.load(new, [None] * len(new))
        offsets = np.array(decoded.offsets, dtype=np.int64)
        absorb(self.rows, kind, self.rows.slots_of(customers), offsets, decoded.events, _MONEY)


def _count_crash(report: FuzzReport, description: str) -> None:
    report.crashed += 1
    if len(report.crashes) < 5:  # noqa: PLR2004 - the first few are enough to find the bug
        report.crashes.append(description)


def good_record(kind: int, number: int, rng: Random) -> MemoryRecord:
    """Return a valid record with most of the fields of its kind; `number` is its offset and part of its event id."""
    customer = f"c-{rng.randrange(_CUSTOMERS)}"
    at = _NOW - rng.random() * 90 * DAY_SECONDS
    event = {
        "event_id": f"e-{number}",
        "customer_id": customer,
        "occurred_at": datetime.fromtimestamp(at, UTC).isoformat(),
    } | _BODIES[kind](rng)
    value = json.dumps(event, ensure_ascii=False).encode()
    return MemoryRecord(INPUT_TOPICS[kind], 0, number, int(_NOW * 1000), customer.encode(), value)


def _click(rng: Random) -> dict[str, Any]:
    return {
        "event_name": rng.choice(("view_item", "add_to_cart", "session_start", "search", "size_guide")),
        "session_id": f"s-{rng.randrange(1000)}",
        "page_location": "https://fitgear.example/p/trail-runner",
        "device_category": rng.choice(("desktop", "mobile", "tablet", "other")),
        "search_term": "größe 43",
        "currency": rng.choice(("EUR", "GBP")),
        "items": _items(rng),
        "properties": {"experiment": "b", "slots": [1, {"deep": None}]},
        "consent": {"ads": True},
    }


def _purchase(rng: Random) -> dict[str, Any]:
    return {
        "event_name": rng.choice(("purchase", "purchase", "refund")),
        "transaction_id": f"o-{rng.randrange(1000)}",
        "value": rng.randrange(20_000) / 100,
        "currency": rng.choice(("EUR", "GBP", "JPY")),
        "tax": 1.5,
        "items": _items(rng),
    }


def _items(rng: Random) -> list[dict[str, Any]]:
    return [
        {"item_id": "FG-1", "item_category": category, "price": rng.randrange(9000) / 100, "quantity": 2, "discount": 1}
        for category in rng.sample(("shoes", "socks", "tents"), rng.randrange(1, 4))
    ]


def _profile(rng: Random) -> dict[str, Any]:
    return {"traits": {"age": rng.randrange(90), "country": "NL", "newsletter": True, "size": None}}


def _consent(rng: Random) -> dict[str, Any]:
    return {"consent": {"ads": rng.choice((True, False)), "personalisation": True}, "source": "tcf"}


def _erasure(_: Random) -> dict[str, Any]:
    return {"scope": "all", "requested_at": "2026-11-01T00:00:00Z", "request_id": "r-1"}


_BODIES: Final = (_click, _purchase, _profile, _consent, _erasure)
