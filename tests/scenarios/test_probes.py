"""A probe passes every stage and counts nowhere; where the path is stuck, the stages behind see no newer one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from streamseg.errors import StoreUnavailableError
from streamseg.pipeline import CLOCK
from streamseg.topics import CLICKS
from streamseg.worker.clock import EventClock
from streamseg.worker.probes import probe
from tests.support.gate import Gate
from tests.support.kill_points import filled_servers
from tests.support.partition import LAYOUT, NOON, NUMBER, QUICK, OnePartition, Servers, until

SENT = NOON + 1e9
"""Far from the times of the events: a clock that took it would show it."""


async def one_after(servers: Servers, gate: Gate | None = None) -> OnePartition:
    """A worker that has worked off all that there is."""
    worker = OnePartition(servers, "one", gate)
    await worker.begin()
    await until(lambda: worker.is_done)
    return worker


async def send(servers: Servers, sent_at: float) -> None:
    await servers.log.send([probe(NUMBER, sent_at)])


def test_a_probe_passes_every_stage() -> None:
    async def play() -> None:
        servers = await filled_servers(60)
        worker = await one_after(servers)
        assert worker.partition.signs.probes == {}
        await send(servers, SENT)
        await until(lambda: "delivered" in worker.partition.signs.probes)
        assert worker.partition.signs.probes == dict.fromkeys(("read", "flushed", "delivered"), SENT)
        assert await servers.memberships.probes() == {NUMBER: SENT}
        times = worker.metrics.steps
        for stage in ("take", "absorb", "decide", "flush", "deliver"):
            assert times.labels(stage=stage)._sum.get() > 0.0
        await worker.close()

    asyncio.run(play())


async def totals(probes: Sequence[float]) -> tuple[dict[str, float], float]:
    """All counters of a worker, with as many probes among the events, and its clock."""
    servers = await filled_servers(60)
    for at in probes:
        await send(servers, at)
    worker = await one_after(servers)
    verdict = await servers.verdict()
    assert verdict.good, verdict
    clock = worker.partition._ports.clock
    assert isinstance(clock, EventClock)
    kept = ("_intake_", "event_to_membership_seconds_count", "membership_changes_total")
    found = {
        f"{sample.name} {sample.labels}": sample.value
        for family in worker.metrics.registry.collect()
        for sample in family.samples
        if any(part in sample.name for part in kept) and not sample.name.endswith("_created")
    }
    await worker.close()
    return found, clock.now(NUMBER)


def test_probes_count_as_no_events_and_move_no_clock() -> None:
    without, now = asyncio.run(totals([]))
    assert without
    assert asyncio.run(totals([SENT, SENT + 5])) == (without, now)


def test_a_probe_that_is_read_first_after_a_restart_does_not_forget_the_clock() -> None:
    async def play() -> None:
        servers = await filled_servers(60)
        worker = await one_after(servers)
        stood_at = int(worker.partition._ports.clock.now(NUMBER))
        await worker.close()
        await send(servers, SENT)
        again = await one_after(servers)
        await until(lambda: again.partition._ports.clock.now(NUMBER) > 0)
        metadata = await servers.state.metadata(NUMBER)
        assert metadata is not None
        assert stood_at == again.partition._ports.clock.now(NUMBER) == metadata.checkpoint[CLOCK] > 0
        await again.close()

    asyncio.run(play())


def test_a_run_of_probes_alone_is_no_latency_of_an_event() -> None:
    async def play() -> float | None:
        servers = Servers()
        await send(servers, SENT)
        worker = await one_after(servers)
        await worker.close()
        return worker.metrics.registry.get_sample_value("streamseg_flow_event_to_membership_seconds_count")

    assert asyncio.run(play()) == 0.0


def test_probes_do_not_dilute_the_share_of_rejected_records() -> None:
    """A silent topic of which all is rejected must stop the worker, however many probes come between."""

    async def play() -> list[Exception]:
        servers = Servers()
        for number in range(40):
            servers.log.append(CLICKS, b"c-%d" % number, b"{}")
            await servers.log.send([probe(NUMBER, SENT)] * 3)
        worker = OnePartition(servers, "one", rejected_share_window=20)
        await worker.begin()
        await until(lambda: bool(worker.failures) or worker.is_done)
        await worker.close()
        return worker.failures

    (stopped,) = asyncio.run(play())
    assert "rejected" in str(stopped)


@pytest.mark.parametrize(
    ("stuck_at", "seen"),
    [("before flush", {"read"}), ("before note_probe", {"read", "flushed"})],
)
def test_where_the_path_is_stuck_the_next_stage_keeps_its_old_probe(stuck_at: str, seen: set[str]) -> None:
    async def play() -> dict[str, float]:
        servers, gate = await filled_servers(60), Gate()
        worker = await one_after(servers, gate)
        await send(servers, SENT)
        await until(lambda: "delivered" in worker.partition.signs.probes)
        gate._stop_at = (stuck_at, gate._times[stuck_at] + 1)
        await send(servers, SENT + 5)
        await until(gate.stopped.is_set)
        await until(lambda: all(worker.partition.signs.probes[stage] > SENT for stage in seen))  # type: ignore[index]
        gate.open()
        probes = {str(stage): at for stage, at in worker.partition.signs.probes.items()}
        await worker.close()
        return probes

    newest = asyncio.run(play())
    assert {stage for stage, at in newest.items() if at == SENT + 5} == seen


def test_a_reset_does_not_hide_for_how_long_no_probe_has_passed() -> None:
    async def play() -> tuple[float, float]:
        servers = await filled_servers(60)
        worker = OnePartition(servers, "one", pace=replace(QUICK, standstill=0.05))
        await worker.begin()
        await send(servers, SENT)
        await until(lambda: "delivered" in worker.partition.signs.probes)
        await servers.state.claim(NUMBER, "another", LAYOUT.fingerprint, 1)
        resets = worker.metrics.resets.labels(partition=str(NUMBER))._value
        await until(lambda: resets.get() > 0)
        await worker.close()
        return worker.partition.signs.probes["delivered"], resets.get()

    delivered, resets = asyncio.run(play())
    assert resets > 0
    assert delivered == SENT


def test_a_wait_of_the_relay_is_shown_until_the_store_answers() -> None:
    async def play() -> tuple[bool, bool]:
        servers = await filled_servers(60)
        worker = await one_after(servers)
        note, away = servers.memberships.note_probe, asyncio.Event()

        async def refused(partition: int, sent_at: float) -> None:
            if not away.is_set():
                raise StoreUnavailableError("Redis: away")
            await note(partition, sent_at)

        servers.memberships.note_probe = refused  # type: ignore[method-assign]  # a server that is away
        await send(servers, SENT)
        signs = worker.partition.signs
        await until(lambda: signs.waits_for("store"))
        waited = signs.waits_for("store")
        away.set()
        await until(lambda: "delivered" in signs.probes)
        await worker.close()
        return waited, signs.waits_for("store")

    assert asyncio.run(play()) == (True, False)
