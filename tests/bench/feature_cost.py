"""CPU time of absorbing events, computing vectors, and dumping and loading rows.

Run `python -m tests.bench.feature_cost`. It prints medians in microseconds per event or row.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamseg.events.fast import read_quickly
from streamseg.events.types import Click, Event, Purchase
from streamseg.features.codec import HEADER_BYTES
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Source, absorb
from streamseg.features.vector import vectors
from streamseg.settings import BEHAVIOUR
from tests.support.rows import DAY, MONEY, NOON, click, item, purchase

CUSTOMERS = 50_000
ROUNDS = 9
NAMES = ("view_item", "view_item", "view_item_list", "add_to_cart", "session_start", "scroll")


def clicks(count: int, random: np.random.Generator) -> list[Click]:
    made: list[Click] = []
    for i in range(count):
        lines = [item(price=float(random.integers(1, 200)), item_category="shoes")] if i % len(NAMES) < 4 else []
        at = NOON + float(random.random()) * DAY
        made.append(click(at, NAMES[i % len(NAMES)], lines, device_category="mobile"))
    return made


def purchases(count: int, random: np.random.Generator) -> list[Purchase]:
    return [
        purchase(
            NOON + float(random.random()) * DAY,
            float(random.integers(100, 20_000)) / 100,
            [item(price=20.0, quantity=1), item(price=9.5, quantity=2, discount=1.0)],
        )
        for _ in range(count)
    ]


def as_read(source: Source, events: Sequence[Click] | Sequence[Purchase]) -> list[Event]:
    """The events as the decoder reads them from a topic."""
    return read_quickly(source, [event.model_dump_json(exclude_none=True).encode() for event in events]) or []


Answer = TypeVar("Answer")


def timed(seen: list[float], per: int, work: Callable[..., Answer], *given: Any) -> Answer:
    """Call `work` and append its CPU time to `seen`, in microseconds per item."""
    start = time.process_time()
    answer = work(*given)
    seen.append((time.process_time() - start) / per * 1e6)
    return answer


def measure(size: int, pick: Callable[[int], NDArray[np.intp]], random: np.random.Generator) -> dict[str, float]:
    rows = Rows(Layout.of(), CUSTOMERS)
    rows.load([f"c-{i}" for i in range(CUSTOMERS)], [None] * CUSTOMERS)
    seen: dict[str, list[float]] = {"click": [], "purchase": [], "vector": [], "dump": [], "load": []}
    for number in range(ROUNDS):
        slots = pick(size)
        offsets = np.arange(number * size, (number + 1) * size)
        sources: Sequence[tuple[str, Source, list[Event]]] = (
            ("click", Source.CLICKS, as_read(Source.CLICKS, clicks(size, random))),
            ("purchase", Source.PURCHASES, as_read(Source.PURCHASES, purchases(size, random))),
        )
        for name, source, events in sources:
            timed(seen[name], size, absorb, rows, source, slots, offsets, events, MONEY)
        touched = np.unique(slots)
        timed(seen["vector"], len(touched), vectors, rows, touched, NOON + DAY, BEHAVIOUR.features)
        stored = timed(seen["dump"], len(touched), rows.dump, touched)
        customers = [rows.customer_ids[slot] for slot in touched.tolist()]
        rows.evict(touched)
        timed(seen["load"], len(touched), rows.load, customers, stored)
    return {name: round(float(np.median(values)), 2) for name, values in seen.items()}


def main() -> None:
    random = np.random.default_rng(1)

    def flat(size: int) -> NDArray[np.intp]:
        return random.integers(0, CUSTOMERS, size).astype(np.intp)

    def skewed(size: int) -> NDArray[np.intp]:
        return np.minimum(random.zipf(1.1, size) - 1, CUSTOMERS - 1).astype(np.intp)

    layout = Layout.of()
    sys.stdout.write(
        f"row {layout.row_bytes + HEADER_BYTES} bytes, {len(layout.aggregates)} sums; us per event or row\n"
    )
    for load, pick in (("flat", flat), ("skewed", skewed)):
        for size in (500, 2000, 8000):
            sys.stdout.write(f"{load} {size} {json.dumps(measure(size, pick, random))}\n")


if __name__ == "__main__":
    main()
