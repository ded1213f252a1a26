"""Event builders and a small slab for the tests of features."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.events.money import Money
from streamseg.events.types import Click, Consent, Erasure, Event, Item, Profile, Purchase, Purposes
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Absorbed, Source, absorb

DAY = 86_400.0
NOON = 1_717_416_000.0
"""Monday 3 June 2024, 12:00 UTC."""
MONEY = Money("EUR", rates={"USD": 0.5})

_ids = count()


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _common_fields(at: float, event_id: str | None) -> dict[str, Any]:
    return {
        "event_id": event_id or f"e-{next(_ids)}",
        "customer_id": "c-1",
        "occurred_at": moment(at),
    }


def item(**given: Any) -> Item:
    return Item(item_id="i-1", **given)


def click(
    at: float, name: str = "view_item", items: Sequence[Item] = (), *, event_id: str | None = None, **given: Any
) -> Click:
    return Click(**_common_fields(at, event_id), event_name=name, items=tuple(items), **given)


def purchase(
    at: float, value: float = 50.0, items: Sequence[Item] = (), *, event_id: str | None = None, **given: Any
) -> Purchase:
    common = _common_fields(at, event_id)
    given = {"currency": "EUR", "transaction_id": f"t-{common['event_id']}", **given}
    return Purchase(**common, value=value, items=tuple(items), **given)


def refund(at: float, value: float, **given: Any) -> Purchase:
    return purchase(at, value, event_name="refund", **given)


def consent(at: float, **given: Any) -> Consent:
    return Consent(**_common_fields(at, None), consent=Purposes(**given))


def profile(at: float, **attributes: Any) -> Profile:
    return Profile(**_common_fields(at, None), traits=attributes)


def erasure(at: float, *, event_id: str | None = None) -> Erasure:
    return Erasure(**_common_fields(at, event_id))


def source_of(event: Event) -> Source:
    return Source[f"{type(event).__name__.upper()}S"]


class Slab:
    """A slab with a next offset per source; absorbs events as the pipeline does."""

    def __init__(self, layout: Layout | None = None, customers: Sequence[str] = ("c-1",)) -> None:
        self.rows = Rows(layout or Layout.of(), capacity=1)
        self.rows.load(customers, [None] * len(customers))
        self._next = dict.fromkeys(Source, 0)

    def feed(self, events: Sequence[Event], slots: Sequence[int] | None = None, offset: int | None = None) -> Absorbed:
        """Absorb one batch of one source, from the given offset or the next one."""
        source = source_of(events[0])
        start = self._next[source] if offset is None else offset
        self._next[source] = max(self._next[source], start + len(events))
        where = np.array([0] * len(events) if slots is None else slots, dtype=np.intp)
        offsets = np.arange(start, start + len(events), dtype=np.int64)
        return absorb(self.rows, source, where, offsets, events, MONEY)

    def sum(self, name: str, slot: int = 0) -> float:
        return float(self.rows.sums[slot, self.rows.layout.sum_index[name]])

    def stored(self) -> list[bytes]:
        return self.rows.dump(self.all)

    @property
    def all(self) -> NDArray[np.intp]:
        return np.arange(len(self.rows), dtype=np.intp)
