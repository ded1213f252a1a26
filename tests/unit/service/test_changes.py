"""Sizes then and now, and the moves between, from what the partitions counted. Issue 13, item 26."""

import json
from collections.abc import Mapping
from datetime import date

import pytest

from streamseg.ports import Flow, Flows, Flush
from streamseg.service.changes import Since, read_changes
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.time_units import DAY_SECONDS

pytestmark = pytest.mark.asyncio

TODAY = 20_785  # 2026-11-28
NOON = (TODAY + 0.5) * DAY_SECONDS
A, B, OLD, VALUE = "behaviour-aaaa", "behaviour-bbbb", "behaviour-cccc", "value-aaaa"

Days = Mapping[int, Mapping[Flow, int]]


async def counted(*partitions: tuple[Mapping[str, int], Days]) -> MemoryStateStore:
    """A store with sizes and moves by day before today, for each partition."""
    state = MemoryStateStore()
    for number, (sizes, days) in enumerate(partitions):
        claimed = await state.claim(number, "w", "layout", 1)
        flows: list[Flows | None] = [Flows(TODAY - back, counts) for back, counts in days.items()]
        for step, one in enumerate(flows or [None]):
            await state.flush(number, Flush("w", claimed.flush_number + step, sizes=sizes, flows=one))
    return state


async def models() -> MemoryModelStore:
    made = MemoryModelStore()
    await made.write_catalogue({A: json.dumps({"label": "Daily Athletes", "retired": None}).encode()})
    return made


async def test_sizes_then_are_sizes_now_without_the_moves_since() -> None:
    state = await counted(
        ({A: 10, B: 5}, {0: {(None, A): 4, (A, B): 1}, 7: {(B, A): 2}, 8: {(None, A): 100}}),
        ({A: 3, VALUE: 9}, {3: {(OLD, A): 3, (A, None): 1}}),
    )
    found = await read_changes(state, await models(), Since(seconds=7 * DAY_SECONDS), NOON)
    assert (found.since, found.counted_from) == (date(2026, 11, 21), date(2026, 11, 20))
    assert [(one.id, one.then, one.now) for one in found.segments] == [
        (A, 6, 13),  # 13 now; 4 + 2 + 3 gained, 1 + 1 lost
        (B, 6, 5),
        (OLD, 3, 0),
        (VALUE, 9, 9),
    ]
    first = found.segments[0]
    assert first.label == "Daily Athletes"
    assert first.gained == {None: 4, OLD: 3, B: 2}
    assert first.lost == {B: 1, None: 1}
    assert found.segments[1].label == B


async def test_moves_before_the_first_day_do_not_count() -> None:
    state = await counted(({A: 10}, {0: {(None, A): 4}, 1: {(A, None): 2}, 2: {(None, A): 50}}))
    for since in (Since(seconds=DAY_SECONDS), Since(seconds=3_600 * 24), Since(day=date(2026, 11, 27))):
        found = await read_changes(state, await models(), since, NOON)
        assert [(one.then, one.now) for one in found.segments] == [(8, 10)]


async def test_without_a_wall_clock_the_last_day_with_a_move_is_today() -> None:
    state = await counted(({A: 10}, {100: {(None, A): 4}, 102: {(None, A): 6}}))
    found = await read_changes(state, await models(), Since(seconds=DAY_SECONDS), None)
    assert found.since == date(2026, 8, 19)
    assert [(one.then, one.now) for one in found.segments] == [(6, 10)]


async def test_json_names_each_flow_once() -> None:
    state = await counted(({A: 10, B: 5}, {0: {(None, A): 4, (A, B): 1, (B, None): 2}}))
    found = (await read_changes(state, await models(), Since(seconds=DAY_SECONDS), NOON)).as_json()
    assert json.loads(json.dumps(found)) == {
        "since": "2026-11-27",
        "counted_from": "2026-11-28",
        "segments": [
            {"id": A, "segmentation": "behaviour", "label": "Daily Athletes"}
            | {"then": 7, "now": 10, "gained": 4, "lost": 1},
            {"id": B, "segmentation": "behaviour", "label": B, "then": 6, "now": 5, "gained": 1, "lost": 2},
        ],
        "flows": [
            {"segmentation": "behaviour", "from": None, "to": A, "moves": 4},
            {"segmentation": "behaviour", "from": B, "to": None, "moves": 2},
            {"segmentation": "behaviour", "from": A, "to": B, "moves": 1},
        ],
    }


async def test_a_store_without_partitions_has_no_segments() -> None:
    found = await read_changes(MemoryStateStore(), await models(), Since(seconds=DAY_SECONDS), NOON)
    assert (found.segments, found.counted_from) == ((), None)
