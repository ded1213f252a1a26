"""Who takes a partition over delivers what the last owner did not, and all of it where a server may have lost some."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from streamseg.store.memory import MemoryMembershipStore, MemoryStateStore
from streamseg.topics import MEMBERSHIPS
from streamseg.worker.partition.outbox_window import OutboxWindow
from streamseg.worker.partition.signs import Signs
from tests.support.partition import NUMBER, QUICK, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60
PACE = replace(QUICK, outbox_trim=0.005)
RARELY = replace(QUICK, outbox_trim=1e6)
"""Looks at the servers when it takes over, and never again."""


class Restarting(MemoryMembershipStore):
    """A store that can come back without strings that it had acknowledged."""

    run = 1

    async def server_runs(self) -> str:
        return f"run {self.run}"

    def restart(self, lost: tuple[str, ...] = ()) -> None:
        self.run += 1
        for customer in lost:
            del self._strings[customer]


async def after_the_first_owner() -> tuple[Servers, Restarting]:
    """Servers with everything delivered, once the owner has noted it and was killed."""
    made, strings = Servers(), Restarting(ttl_seconds=10**6)
    made.memberships = strings
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, EVENTS)
    first = OnePartition(made, "first", pace=PACE)
    await first.begin()
    try:
        await until(lambda: first.is_done)
        async with asyncio.timeout(20.0):
            while await noted(made) != await last_position(made):
                await asyncio.sleep(0.002)
    finally:
        await first.close()
    return made, strings


async def last_position(made: Servers) -> str | None:
    return (await made.state.outbox(NUMBER))[-1][0]


async def noted(made: Servers) -> str | None:
    found = await made.state.delivered(NUMBER)
    return None if found is None else found[0]


async def taken_over(made: Servers) -> int:
    """Let another worker take over; how many change records it sends for what was decided before."""
    before = len(made.log.records[MEMBERSHIPS])
    second = OnePartition(made, "second", pace=RARELY)
    await second.begin()
    try:
        await until(lambda: second.is_done)
        assert (await made.verdict()).good
    finally:
        await second.close()
    return len(made.log.records[MEMBERSHIPS]) - before


def test_what_is_delivered_is_not_delivered_again() -> None:
    async def go() -> None:
        made, _ = await after_the_first_owner()
        assert await made.state.outbox(NUMBER)
        assert await taken_over(made) == 0

    asyncio.run(go())


def test_what_is_not_noted_is_delivered() -> None:
    async def go() -> None:
        made, strings = await after_the_first_owner()
        outbox = await made.state.outbox(NUMBER)
        left = next(place for place in range(len(outbox) - 1, 0, -1) if outbox[place - 1][0] != outbox[-1][0])
        await made.state.note_delivered(NUMBER, outbox[left - 1][0], await strings.server_runs())
        changes = sum(entry.is_change for _, entry in outbox[left:])
        assert await taken_over(made) == changes > 0

    asyncio.run(go())


def test_after_a_restart_of_the_server_all_of_the_outbox_is_delivered_again() -> None:
    async def go() -> None:
        made, strings = await after_the_first_owner()
        lost = next(entry.customer_id for _, entry in await made.state.outbox(NUMBER) if entry.customer_id != "c-1")
        strings.restart((lost,))
        assert await strings.read([lost]) == [None]
        assert await taken_over(made) > 0
        assert await strings.read([lost]) != [None]

    asyncio.run(go())


def test_a_string_that_a_restart_loses_comes_back_without_an_event() -> None:
    async def go() -> None:
        made, strings = await after_the_first_owner()
        worker = OnePartition(made, "second", pace=PACE)
        await worker.begin()
        try:
            await until(lambda: worker.is_done)
            strings.restart(("c-2",))
            async with asyncio.timeout(20.0):
                while await strings.read(["c-2"]) == [None]:
                    await asyncio.sleep(0.002)
        finally:
            await worker.close()

    asyncio.run(go())


def test_servers_that_return_between_two_looks_leave_the_outbox_in_doubt() -> None:
    async def go() -> None:
        strings, state = Restarting(ttl_seconds=60), MemoryStateStore()
        ports = cast("Any", SimpleNamespace(memberships=strings, state=state))
        window = OutboxWindow(NUMBER, ports, 30.0, 0.0, Signs())
        assert await window.look()
        window.delivered_all()
        assert not await window.look()
        strings.run = 2
        assert await window.look()
        strings.run = 1
        assert await window.look()
        window.delivered("7-0")
        await window.trim()
        assert await state.delivered(NUMBER) is None
        window.delivered_all()
        assert not await window.look()
        await window.trim()
        assert await state.delivered(NUMBER) == ("7-0", "run 1")

    asyncio.run(go())
