"""Who was silent for the retention time leaves: told to readers, held by nobody, counted anew on a return."""

import asyncio
import math

import pytest

from streamseg.features.codec import erasure_of
from streamseg.features.fields import NEVER
from streamseg.membership.encoding import decode
from streamseg.membership.latest_changes import LatestChanges
from streamseg.topics import CLICKS, ERASURES, MEMBERSHIPS, SAMPLES
from tests.support.gate import Gate, Point
from tests.support.partition import NUMBER, SNAPSHOT, MemoryLog, OnePartition, Servers, until

DAY = 86_400.0
RETENTION = 4 * DAY
GONE = [f"c-{number}" for number in range(4)]
STAYING = "c-stays"


def view(log: MemoryLog, customer: str, number: int, at: float) -> None:
    log.event(CLICKS, customer, f"{customer}-{number}", at, event_name="view_item")


async def servers() -> Servers:
    """Four customers act for a day; one goes on for nine days more."""
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    for number in range(6):
        for customer in [*GONE, STAYING]:
            view(made.log, customer, number, number * 3_600.0)
    for step in range(1, 54):
        view(made.log, STAYING, 100 + step, DAY + step * DAY / 6)
    return made


def worker_of(made: Servers, owner: str = "one", gate: Gate | None = None) -> OnePartition:
    return OnePartition(made, owner, gate, run=10, retention_seconds=RETENTION)


async def rows(made: Servers) -> dict[str, bytes]:
    return dict((await made.state.scan(NUMBER, 0, 10_000))[1])


async def left(made: Servers) -> bool:
    return not (await rows(made)).keys() & set(GONE)


async def until_left(made: Servers, worker: OnePartition) -> None:
    async with asyncio.timeout(20.0):
        while not (await left(made) and worker.is_done):
            await asyncio.sleep(0.005)


async def servers_after_leaving() -> Servers:
    """The same once the four have left."""
    made = await servers()
    worker = worker_of(made)
    await worker.begin()
    await until_left(made, worker)
    await worker.close()
    return made


async def come_back(made: Servers, worker: OnePartition, *, same_worker: bool) -> None:
    """One of the four returns, to the worker that saw them leave or to the next one; all is right then."""
    if not same_worker:
        await worker.close()
        worker = worker_of(made, "two")
        await worker.begin()
    for number in range(3):
        view(made.log, "c-2", 200 + number, 10 * DAY + number * 60.0)
    await until(lambda: worker.is_done)
    verdict = await made.verdict(RETENTION)
    await worker.close()
    assert verdict.good, (verdict.differences, verdict.changes_missing)


def test_who_was_silent_for_the_retention_time_leaves_with_an_exit_and_a_tombstone() -> None:
    async def go() -> None:
        made = await servers_after_leaving()
        assert (await rows(made)).keys() == {STAYING}
        assert await made.memberships.read(GONE) == [None] * len(GONE)
        assert await made.memberships.read([STAYING]) != [None]
        for customer in GONE:
            told = [record.value for record in made.log.records[MEMBERSHIPS] if record.key == customer.encode()]
            assert told[-1] is None
            assert told[-2] is not None
            assert b'"change":"exited"' in told[-2]
            assert decode(told[-2]).segments == {"behaviour": None}
            samples = [one.value for one in made.log.records[SAMPLES] if one.key == f"behaviour|{customer}".encode()]
            assert samples[-1] is None
        metadata = await made.state.metadata(NUMBER)
        assert metadata is not None
        assert sum(metadata.sizes.values()) == 1
        verdict = await made.verdict(RETENTION)
        assert verdict.good, verdict.differences
        assert not (await made.verdict(math.inf)).good  # who has not left is missed

    asyncio.run(go())


@pytest.mark.parametrize("same_worker", [True, False])
def test_who_comes_back_begins_anew_and_is_believed(same_worker: bool) -> None:
    async def go() -> None:
        made = await servers()
        worker = worker_of(made)
        await worker.begin()
        await until_left(made, worker)
        await come_back(made, worker, same_worker=same_worker)
        assert (await rows(made)).keys() == {STAYING, "c-2"}
        string = (await made.memberships.read(["c-2"]))[0]
        assert string is not None
        readers = LatestChanges()
        for record in made.log.records[MEMBERSHIPS]:
            readers.read(record)
        believed = readers.latest["c-2"].membership
        assert believed is not None
        assert believed.seq <= decode(string).seq
        assert readers.segments("c-2")

    asyncio.run(go())


def test_an_event_that_is_lost_is_found_though_customers_may_leave() -> None:
    """The row lacks its first events, but no silence long enough lies between them and it."""

    async def go() -> None:
        made = await servers_after_leaving()
        lacking = Servers()
        await lacking.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        for number, record in enumerate(made.log.records[CLICKS]):
            value = record.value if number != 4 else record.value.replace(b"c-stays", b"c-other")  # type: ignore[union-attr]
            key = record.key if number != 4 else b"c-other"
            lacking.log.append(CLICKS, key, value)
        other = worker_of(lacking)
        await other.begin()
        await until(lambda: other.is_done)
        await other.close()
        lacking.log = made.log
        verdict = await lacking.verdict(RETENTION)
        assert ("c-stays", "events", "lost") in {(d.customer_id, d.field, d.kind) for d in verdict.differences}

    asyncio.run(go())


async def stop_and_take_over(at: Point, *, thaw: bool) -> str | None:
    """Stop the worker that lets customers go at a point; another one takes over; who left comes back."""
    made, gate = await servers(), Gate(at)
    first, second = worker_of(made, "first", gate), worker_of(made, "second")
    await first.begin()
    try:
        async with asyncio.timeout(20.0):
            while not (gate.stopped.is_set() or (await left(made) and first.is_done)):
                await asyncio.sleep(0.002)
        if not thaw:
            await first.close()
        view(made.log, STAYING, 200, 9.9 * DAY)  # who takes over at the end of the log has no other clock
        await second.begin()
        await until_left(made, second)
        view(made.log, "c-1", 300, 10 * DAY)
        if thaw:
            gate.open()
            await asyncio.sleep(0.03)
            await first.close()
            await second.begin()
        await until(lambda: second.is_done)
        await made.delete_late_samples()
        verdict = await made.verdict(RETENTION)
    finally:
        await first.close()
        await second.close()
    assert verdict.good, (at, verdict.differences, verdict.changes_missing, verdict.samples_left)
    assert not first.failures + second.failures
    return at[0] if gate.stopped.is_set() else None


@pytest.mark.slow
@pytest.mark.parametrize("thaw", [False, True], ids=["killed", "frozen"])
def test_a_worker_that_stops_at_any_call_while_customers_leave_harms_nothing(
    caplog: pytest.LogCaptureFixture, *, thaw: bool
) -> None:
    async def points() -> list[Point]:
        made, gate = await servers(), Gate()
        worker = worker_of(made, "first", gate)
        await worker.begin()
        await until_left(made, worker)
        await worker.close()
        return gate.passed

    calls = asyncio.run(points())
    # After a flush, all that it decided is still in the outbox, also who is gone from the store.
    chosen = {*calls[::3], *(one for one in calls if one[0] == "after flush"), ("before flush", 1)}
    stopped = {asyncio.run(stop_and_take_over(at, thaw=thaw)) for at in chosen}
    assert "the store has lost" not in caplog.text
    assert {"before flush", "after flush"} <= stopped


@pytest.mark.parametrize("same_worker", [True, False])
def test_the_mark_of_an_erasure_ends_after_the_retention_time_too(same_worker: bool) -> None:
    """Nothing is left then, and who comes back is believed."""

    async def go() -> None:
        made = await servers()
        made.log.event(ERASURES, "c-2", "erased", 7 * 3_600.0)
        worker = worker_of(made)
        marked = False
        await worker.begin()
        async with asyncio.timeout(20.0):
            while not (await left(made) and worker.is_done):
                row = (await rows(made)).get("c-2")
                marked = marked or (row is not None and erasure_of(row) > NEVER)
                await asyncio.sleep(0.001)
        assert marked
        assert worker.metrics.departures._value.get() == len(GONE) - 1  # the erased one had left before
        assert await made.memberships.read(["c-2"]) == [None]
        await come_back(made, worker, same_worker=same_worker)
        (string,) = await made.memberships.read(["c-2"])
        assert string is not None
        readers = LatestChanges()
        for record in made.log.records[MEMBERSHIPS]:
            readers.read(record)
        assert readers.latest["c-2"].membership is not None

    asyncio.run(go())
