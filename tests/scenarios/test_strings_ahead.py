"""While Kafka acknowledges the records of one delivery, the strings of the next one are written, and nothing else."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

import pytest

from streamseg.errors import StreamsegError
from streamseg.membership.encoding import decode
from streamseg.membership.types import OutboxEntry
from streamseg.ports import OutgoingRecord
from streamseg.topics import CONSENTS, MEMBERSHIPS
from tests.support.kill_points import filled_servers
from tests.support.partition import QUICK, OnePartition, Servers, until

EVENTS = 60


class SlowKafka:
    """Acknowledges what the relay sends only while it is open; `refuses` fails the next call instead."""

    def __init__(self, made: Servers) -> None:
        self._send = made.log.send
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.refuses = False

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.asked.set()
        await self.open.wait()
        if self.refuses:
            self.refuses = False
            raise StreamsegError("not acknowledged")
        await self._send(records)


def refuse(made: Servers, customer: str, at: float) -> None:
    """Withdraw the customer's consent to personalisation, which changes the membership."""
    made.log.event(CONSENTS, customer, f"x-{customer}-{at}", EVENTS * 60.0 + at, consent={"personalisation": False})


async def refused(made: Servers, customer: str) -> bool:
    (string,) = await made.memberships.read([customer])
    return decode(string).consent.personalisation is False if string else False


async def until_refused(made: Servers, customer: str) -> None:
    async with asyncio.timeout(20):
        while not await refused(made, customer):
            await asyncio.sleep(0.002)


def with_slow_kafka(
    monkeypatch: pytest.MonkeyPatch, play: Callable[[Servers, OnePartition, SlowKafka], Coroutine[None, None, None]]
) -> Servers:
    """Play on a worker that has read the log; then let it end its work, with nothing missing."""

    async def go() -> Servers:
        made = await filled_servers(EVENTS)
        worker = OnePartition(made, "worker", pace=replace(QUICK, change_topic_end=0.0))
        await worker.begin()
        await until(lambda: worker.is_done)
        kafka = SlowKafka(made)
        monkeypatch.setattr(made.log, "send", kafka.send)
        await play(made, worker, kafka)
        kafka.open.set()
        await until(lambda: worker.is_done)
        await worker.close()
        assert (await made.verdict()).changes_missing == []
        return made

    return asyncio.run(go())


def refuses(record: bytes) -> bool:
    return decode(record).consent.personalisation is False


def told(made: Servers, customer: str) -> list[bytes]:
    """The change records of a customer who was not erased."""
    return [one.value or b"" for one in made.log.records[MEMBERSHIPS] if one.key == customer.encode()]


def test_the_next_string_does_not_wait_for_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(made: Servers, worker: OnePartition, kafka: SlowKafka) -> None:
        refuse(made, "c-1", 1)
        await kafka.asked.wait()
        before = len(made.log.records[MEMBERSHIPS])
        refuse(made, "c-2", 2)
        await until_refused(made, "c-2")
        assert len(made.log.records[MEMBERSHIPS]) == before
        assert not worker.is_done

    made = with_slow_kafka(monkeypatch, play)
    last = [one.key for one in made.log.records[MEMBERSHIPS]][-2:]
    assert last == [b"c-1", b"c-2"]


def test_what_was_written_ahead_is_told_after_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(made: Servers, _: OnePartition, kafka: SlowKafka) -> None:
        refuse(made, "c-1", 1)
        await kafka.asked.wait()
        refuse(made, "c-2", 2)
        await until_refused(made, "c-2")
        kafka.refuses = True

    made = with_slow_kafka(monkeypatch, play)
    assert all(refuses(told(made, customer)[-1]) for customer in ("c-1", "c-2"))


def test_a_store_that_does_not_answer_ahead_is_asked_again_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(made: Servers, _: OnePartition, kafka: SlowKafka) -> None:
        refuse(made, "c-1", 1)
        await kafka.asked.wait()
        write, failed = made.memberships.write, asyncio.Event()

        async def fails_once(entries: Sequence[OutboxEntry]) -> set[tuple[str, int]]:
            if not failed.is_set():
                failed.set()
                raise StreamsegError("no answer")
            return await write(entries)

        monkeypatch.setattr(made.memberships, "write", fails_once)
        refuse(made, "c-2", 2)
        await failed.wait()
        assert not await refused(made, "c-2")

    made = with_slow_kafka(monkeypatch, play)
    assert refuses(told(made, "c-2")[-1])


def test_a_string_that_was_written_ahead_is_not_taken_for_one_that_a_late_record_hides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is newer than the customer's last record. Published again it would tell of no change, and come first."""

    async def play(made: Servers, _: OnePartition, kafka: SlowKafka) -> None:
        late = told(made, "c-2")[-1]
        refuse(made, "c-1", 1)
        await kafka.asked.wait()
        refuse(made, "c-2", 2)
        await until_refused(made, "c-2")
        made.log.append(MEMBERSHIPS, b"c-2", late)

    made = with_slow_kafka(monkeypatch, play)
    news = [value for value in told(made, "c-2") if refuses(value)]
    assert len(news) == 1
    assert b'"previous_consent"' in news[0]
