"""Erased customers stay erased wherever the worker is killed: row, string, change, sample, and older segmentations."""

import asyncio
from dataclasses import replace

import pytest

from streamseg.features.rows import Rows
from streamseg.pipeline import is_known
from streamseg.topics import ERASURES, MEMBERSHIPS, SAMPLES
from streamseg.worker.layout_check import check_layouts
from tests.support.gate import Gate, Point
from tests.support.kill_points import calls_until_done, filled_servers
from tests.support.partition import LAYOUT, NUMBER, OnePartition, Servers, until

EVENTS = 60
"""They end with an erasure of c-1."""
RUN = 7
ERASED = "c-1"
OTHER = "an-older-segmentation"


def samples(made: Servers, customer: str) -> list[bytes]:
    """Keys of the samples of a customer that a reader of the compacted topic would find."""
    latest = {record.key: record.value for record in made.log.records[SAMPLES]}
    return [key for key, value in latest.items() if key and value and key.decode().endswith(f"|{customer}")]


async def points() -> list[Point]:
    made = await filled_servers(EVENTS)
    calls = await calls_until_done(made, RUN)
    assert any(record.value for record in made.log.records[SAMPLES])
    return calls


async def left(made: Servers) -> list[str]:
    """Where something of the erased customer is left, for any reader."""
    rows = Rows(LAYOUT)
    slots = rows.load([ERASED], await made.state.load(NUMBER, [ERASED]))
    (string,) = await made.memberships.read([ERASED])
    published = [record.value for record in made.log.records[MEMBERSHIPS] if record.key == ERASED.encode()]
    places = {
        "row": bool(is_known(rows, slots).any()) or bool(rows.events[slots].any()),
        "string": string is not None,
        "change topic": bool(published) and published[-1] is not None,
        "sample": bool(samples(made, ERASED)),
    }
    return [place for place, found in places.items() if found]


async def kill_at(at: Point) -> tuple[list[str], int]:
    """Kill a worker, let another one go on; where something is left, and how many tombstones were published."""
    made, gate = await filled_servers(EVENTS), Gate(at)
    first, second = OnePartition(made, "first", gate, run=RUN), OnePartition(made, "second", run=RUN)
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        await first.close()
        await second.begin()
        await until(lambda: second.is_done)
        values = [record.value for record in made.log.records[MEMBERSHIPS] if record.key == ERASED.encode()]
        return await left(made), values.count(None)
    finally:
        await first.close()
        await second.close()


@pytest.mark.slow
def test_nothing_of_an_erased_customer_is_left_wherever_the_worker_is_killed() -> None:
    outcomes = {at: asyncio.run(kill_at(at)) for at in asyncio.run(points())}
    assert {at: found for at, (found, _) in outcomes.items() if found} == {}
    assert all(tombstones for _, tombstones in outcomes.values())
    stopped = {name for name, _ in outcomes}
    assert {"before flush", "after flush", "before write", "after write", "before send", "after send"} <= stopped


def test_an_erasure_reaches_samples_of_segmentations_that_the_settings_no_longer_have() -> None:
    async def go() -> list[bytes]:
        made = await filled_servers(EVENTS)
        older = replace(LAYOUT, segmentations=("behaviour", OTHER))
        await check_layouts(older, made.state, made.models, NUMBER + 1)
        await made.models.drop(OTHER, 1)
        made.log.append(SAMPLES, f"{OTHER}|{ERASED}".encode(), b"{}")
        rows = await check_layouts(LAYOUT, made.state, made.models, NUMBER + 1)
        worker = OnePartition(made, "worker", rows=rows)
        await worker.begin()
        await until(lambda: worker.is_done)
        await worker.close()
        assert made.log.records[ERASURES]
        return samples(made, ERASED)

    assert asyncio.run(go()) == []
