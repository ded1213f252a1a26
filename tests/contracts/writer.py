"""Writes rows, outbox and strings of a partition to real stores under load, and checks that each came once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from streamseg.errors import StoreUnavailableError
from streamseg.ports import Flush
from streamseg.store.redis import RedisMembershipStore, RedisStateStore
from tests.contracts.memberships import written

NOW_MS = 1_795_415_000_123
CUSTOMERS = [f"c-{number}" for number in range(60)]
ROUNDS_AFTER = 5
PAUSE_SECONDS = 0.02
RECOVERY_SECONDS = 30


@dataclass
class Writer:
    """Writes rows and strings of a partition round by round, as a worker does: a lost answer is looked up."""

    state: RedisStateStore
    memberships: RedisMembershipStore
    partition: int
    rounds: int = 0
    flush_number: int = 0
    first_number: int = 0
    failures: list[str] = field(default_factory=list)

    async def claim(self) -> None:
        claimed = await self.state.claim(self.partition, "w-1", "layout", NOW_MS)
        self.first_number = self.flush_number = claimed.flush_number

    async def write(self) -> None:
        """Write one more round, until it is known to be written."""
        number = self.rounds + 1
        entries = [written(self.name(customer), number) for customer in CUSTOMERS]
        rows = [(self.name(customer), b"row %d" % number) for customer in CUSTOMERS]
        flush = Flush("w-1", self.flush_number, rows, entries, checkpoint={"t": number})
        await self.until_known(flush)
        await self.until_done(lambda: self.memberships.write(entries))
        self.flush_number += 1
        self.rounds = number

    async def until_known(self, flush: Flush) -> None:
        while True:
            try:
                metadata = await self.state.metadata(self.partition)
                assert metadata is not None
                if metadata.flush_number > flush.flush_number:
                    return
                await self.state.flush(self.partition, flush)
            except StoreUnavailableError as error:
                self.failures.append(str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def until_done(self, call: Callable[[], object]) -> None:
        while True:
            try:
                await call()  # type: ignore[misc]
            except StoreUnavailableError as error:
                self.failures.append(str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def name(self, customer: str) -> str:
        return f"{customer}-of-{self.partition}"

    async def check(self) -> None:
        """Check that each round was written exactly once."""
        names = [self.name(customer) for customer in CUSTOMERS]
        metadata = await self.state.metadata(self.partition)
        assert metadata is not None
        assert metadata.flush_number == self.first_number + self.rounds
        assert metadata.checkpoint == {"t": self.rounds}
        assert await self.state.load(self.partition, names) == [b"row %d" % self.rounds] * len(names)
        outbox = [(entry.customer_id, entry.seq) for _, entry in await self.state.outbox(self.partition)]
        assert sorted(outbox) == sorted((name, number + 1) for name in names for number in range(self.rounds))
        strings = await self.memberships.read(names)
        assert strings == [written(name, self.rounds).membership for name in names]


async def under_load(writers: list[Writer], disturb: Callable[[], None]) -> None:
    """Write all partitions at once while `disturb` runs, and some rounds more."""
    ended = asyncio.Event()

    async def go_on(writer: Writer) -> None:
        while not ended.is_set():
            await writer.write()
        for _ in range(ROUNDS_AFTER):
            await writer.write()

    async with asyncio.timeout(2 * RECOVERY_SECONDS), asyncio.TaskGroup() as tasks:
        for writer in writers:
            tasks.create_task(go_on(writer))
        await asyncio.sleep(0.2)
        try:
            await asyncio.to_thread(disturb)
        finally:
            ended.set()
