"""Issue 13, item 13: traits in another type are read; one that cannot be read takes no known value away."""

import numpy as np
import pytest

from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Source, absorb
from tests.support.events import DECODER, MONEY, PROFILE, body, record

LAYOUT = Layout.of(attributes=(Attribute("age"), Attribute("plan", values=("free", "basic", "pro", "2"))))


def after(*traits: dict[str, object]) -> tuple[list[float], int]:
    """Return the row's age and plan after one profile a day with these traits, and the number of adjusted profiles."""
    rows = Rows(LAYOUT)
    rows.load(["c-81"], [None])
    days = [
        body(PROFILE, event_id=str(n), occurred_at=f"2026-11-{n + 1:02}T00:00:00Z", traits=each)
        for n, each in enumerate(traits)
    ]
    events = [DECODER.decode(PROFILE, record(PROFILE, each)) for each in days]
    slots, offsets = rows.slots_of(["c-81"] * len(events)), np.arange(len(events))
    absorbed = absorb(rows, Source.PROFILES, slots, offsets, events, MONEY)  # type: ignore[arg-type]  # no heartbeats
    return rows.attributes[slots[0]].tolist(), absorbed.adjusted


@pytest.mark.parametrize(
    ("given", "age", "plan", "adjusted"),
    [
        ({"age": "35", "plan": " pro"}, 35.0, 2.0, 1),
        ({"age": "35.5", "plan": 2}, 35.5, 3.0, 1),
        ({"age": 36, "plan": "Basic"}, 36.0, 1.0, 0),
        ({"age": "unknown"}, 34.0, 2.0, 1),
        ({"age": "", "plan": 2.0}, 34.0, 3.0, 1),
        ({"age": "1e999"}, 34.0, 2.0, 1),
        ({"age": None, "plan": "gold"}, float("nan"), float("nan"), 0),
    ],
)
def test_a_trait_in_another_type(given: dict[str, object], age: float, plan: float, adjusted: int) -> None:
    values, count = after({"age": 34, "plan": "pro"}, given)
    assert values == pytest.approx([age, plan], nan_ok=True)
    assert count == adjusted
