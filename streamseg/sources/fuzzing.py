"""Broken records against the decoder, and what it lets through against the rows."""

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

RUN: Final = 500
_CUSTOMERS: Final = 200
_NOW: Final = 1_795_442_709.0
"""All records are appended around this moment, epoch seconds, so that a seed always gives the same answer."""
_MONEY: Final = Money("EUR", 2, {"GBP": 1.15, "JPY": 0.0061})


@dataclass(slots=True)
class Fuzzed:
    """What became of the records. `crashed` and `poisoned` must be 0."""

    tried: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    crashed: int = 0
    """Records at which something else than a rejection was raised."""
    poisoned: int = 0
    """Runs after which a feature of a customer was not finite."""
    crashes: list[str] = field(default_factory=list)
    """The first few, in words."""

    @property
    def harmless(self) -> bool:
        """Whether nothing crashed and nothing was poisoned."""
        return not self.crashed and not self.poisoned


def fuzz(records: int, seed: int, done: Callable[[int], None] = lambda _: None) -> Fuzzed:
    """Decode and absorb mutated records of all input topics.

    Args:
        records: how many.
        seed: of all luck.
        done: told how many have been tried.
    """
    rng, fuzzed, target = Random(seed), Fuzzed(), _Target()  # noqa: S311 - the luck must repeat
    while fuzzed.tried < records:
        kind = rng.choices(range(len(INPUT_TOPICS)), (6, 4, 2, 1, 1))[0]
        run = [
            mutated_record(good_record(kind, fuzzed.tried + number, rng), rng)
            for number in range(min(RUN, records - fuzzed.tried))
        ]
        fuzzed.tried += len(run)
        target.take(kind, run, fuzzed)
        done(fuzzed.tried)
    return fuzzed


class _Target:
    """A decoder and rows to absorb into."""

    def __init__(self) -> None:
        self.decoder = Decoder(_MONEY)
        self.layout = Layout.of(categories=("shoes", "socks"), attributes=(Attribute("age"),))
        self.features = tuple(catalogue(self.layout))
        self.rows = Rows(self.layout)

    def take(self, kind: int, run: list[MemoryRecord], fuzzed: Fuzzed) -> None:
        try:
            decoded = self.decoder.decode_run(kind, run)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            decoded = self._one_by_one(kind, run, fuzzed)
        fuzzed.accepted += len(run) - len(decoded.rejected)
        fuzzed.rejected.update(rejected.reason.value for rejected in decoded.rejected)
        try:
            self._absorb(kind, decoded)
        except Exception as error:  # noqa: BLE001 - the same
            _crash(fuzzed, f"absorbing a run of {INPUT_TOPICS[kind]}: {error!r}")
            self.rows.clear()
            return
        slots = np.fromiter(self.rows.slots.values(), dtype=np.intp, count=len(self.rows))
        if len(slots) and not np.isfinite(vectors(self.rows, slots, _NOW, self.features)).all():
            fuzzed.poisoned += 1
            self.rows.clear()

    def _one_by_one(self, kind: int, run: list[MemoryRecord], fuzzed: Fuzzed) -> Decoded:
        whole = Decoded()
        for record in run:
            try:
                one = self.decoder.decode_run(kind, [record])
            except Exception as error:  # noqa: BLE001 - the same
                _crash(fuzzed, f"decoding {(record.value or b'')[:200]!r}: {error!r}")
                fuzzed.accepted -= 1
                continue
            whole.events += one.events
            whole.offsets += one.offsets
            whole.rejected += one.rejected
        return whole

    def _absorb(self, kind: int, decoded: Decoded) -> None:
        customers = [event.customer_id for event in decoded.events]
        new = self.rows.missing(customers)
        self.rows.load(new, [None] * len(new))
        offsets = np.array(decoded.offsets, dtype=np.int64)
        absorb(self.rows, kind, self.rows.slots_of(customers), offsets, decoded.events, _MONEY)


def _crash(fuzzed: Fuzzed, words: str) -> None:
    fuzzed.crashed += 1
    if len(fuzzed.crashes) < 5:  # noqa: PLR2004 - a few are enough to begin with
        fuzzed.crashes.append(words)


def good_record(kind: int, number: int, rng: Random) -> MemoryRecord:
    """A record that is accepted, with most of the fields its kind has; `number` is its offset and in its event id."""
    customer = f"c-{rng.randrange(_CUSTOMERS)}"
    at = _NOW - rng.random() * 90 * DAY_SECONDS
    event = {
        "event_id": f"e-{number}",
        "customer_id": customer,
        "occurred_at": datetime.fromtimestamp(at, UTC).isoformat(),
    } | _SAYS[kind](rng)
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


_SAYS: Final = (_click, _purchase, _profile, _consent, _erasure)
