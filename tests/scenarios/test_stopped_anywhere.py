"""A worker that is killed or frozen at any call to its servers loses nothing, doubles nothing, overwrites nothing."""

import asyncio

import pytest

from tests.support.gate import Gate, Point
from tests.support.kill_points import calls_until_done, filled_servers
from tests.support.partition import OnePartition, fill, until

EVENTS = 60


async def points() -> list[Point]:
    return await calls_until_done(await filled_servers(EVENTS))


async def stop_and_take_over(at: Point, *, thaw: bool) -> str | None:
    """Stop a worker at a point, let another one take over and go on, perhaps thaw the first; where it stopped."""
    made, gate = await filled_servers(EVENTS), Gate(at)
    first, second = OnePartition(made, "first", gate), OnePartition(made, "second")
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        if not thaw:
            await first.close()
        await second.begin()
        await until(lambda: second.is_done)
        fill(made.log, EVENTS, EVENTS)
        if thaw:
            gate.open()
            await asyncio.sleep(0.05)  # it works on as if nothing had happened, until it hears what Kafka has decided
            await first.close()
            await second.begin()
        await until(lambda: second.is_done)
        await made.delete_late_samples()
        verdict = await made.verdict()
    finally:
        await first.close()
        await second.close()
    assert verdict.good, verdict
    assert verdict.customers == 6
    assert not first.failures + second.failures
    return at[0] if gate.stopped.is_set() else None


@pytest.mark.slow
@pytest.mark.parametrize("thaw", [False, True], ids=["killed", "frozen"])
def test_a_worker_that_stops_at_any_call_harms_nothing(caplog: pytest.LogCaptureFixture, *, thaw: bool) -> None:
    stopped = {asyncio.run(stop_and_take_over(at, thaw=thaw)) for at in asyncio.run(points())}
    assert "the store has lost" not in caplog.text
    assert {"before flush", "after flush", "before write", "after write", "before send", "after send"} <= stopped
    assert {"before note_delivered", "after note_delivered"} <= stopped
