"""What a frozen owner sends when it thaws does not bring an erased customer back, wherever it was frozen."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from streamseg.errors import StreamsegError
from streamseg.membership.encoding import decode
from streamseg.membership.latest_changes import segments_of
from streamseg.ports import OutgoingRecord
from streamseg.topics import CLICKS, CONSENTS, ERASURES, MEMBERSHIPS
from streamseg.worker.pace import Pace
from tests.support.gate import Gate, Point
from tests.support.kill_points import calls_until_done, filled_servers
from tests.support.partition import NUMBER, QUICK, OnePartition, Servers, until

EVENTS = 60
RUN = 7
ERASED = "c-2"
"""Has events to the end of the log; only the second owner reads the erasure."""
UNWATCHFUL = replace(QUICK, change_topic_end=1e9)


def last_values(made: Servers) -> dict[str, bytes | None]:
    """What a reader of the compacted change topic would find."""
    return {(record.key or b"").decode(): record.value for record in made.log.records[MEMBERSHIPS]}


async def disagreeing(made: Servers) -> list[str]:
    """Customers of whom the compacted topic says something else than their membership string."""
    last = last_values(made)
    strings = await made.memberships.read(list(last))
    return [
        customer
        for (customer, value), string in zip(last.items(), strings, strict=True)
        if segments_of(decode(value) if value else None) != segments_of(decode(string) if string else None)
    ]


@dataclass(frozen=True)
class Found:
    """What is left of the erased customer, or wrong of others, at the end."""

    disagreeing: list[str]
    changes_missing: list[str]
    samples_left: list[str]


async def thaw_after_erasure(at: Point, pace: Pace = QUICK, *, trained: bool = True) -> Found:
    """Freeze a worker, erase a customer under its successor of this pace, thaw it; `trained`: a trainer runs."""
    made, gate = await filled_servers(EVENTS), Gate(at)
    first = OnePartition(made, "first", gate, run=RUN, pace=UNWATCHFUL)  # killed right after the thaw
    second = OnePartition(made, "second", run=RUN, pace=pace)
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        assert gate.stopped.is_set()
        await second.begin()
        await until(lambda: second.is_done)
        made.log.event(ERASURES, ERASED, "x-late", EVENTS * 60.0)
        await until(lambda: second.is_done)
        gate.open()
        await asyncio.sleep(0.05)
        await first.close()
        await asyncio.sleep(0.1)
        await until(lambda: second.is_done)
        if trained:
            await made.delete_late_samples()
        verdict = await made.verdict()
        return Found(await disagreeing(made), verdict.changes_missing, verdict.samples_left)
    finally:
        await first.close()
        await second.close()


def found_at(*names: str, pace: Pace = QUICK, trained: bool = True) -> list[Found]:
    """For each of these calls of an undisturbed worker."""

    async def points() -> list[Point]:
        return [one for one in await calls_until_done(await filled_servers(EVENTS), RUN) if one[0] in names]

    return [asyncio.run(thaw_after_erasure(at, pace, trained=trained)) for at in asyncio.run(points())]


@pytest.mark.slow
def test_nothing_is_left_of_an_erased_customer_wherever_the_former_owner_was_frozen() -> None:
    found = found_at("before write", "after write", "before send", "after send")
    assert found == [Found([], [], [])] * len(found)
    assert len(found) > 10


@pytest.mark.slow
def test_without_the_look_for_late_records_the_customer_is_back_and_verify_says_so() -> None:
    back = [one for one in found_at("before send", pace=UNWATCHFUL) if ERASED in one.disagreeing]
    assert back
    assert all(ERASED in one.changes_missing for one in back)


@pytest.mark.slow
def test_without_the_trainer_a_late_sample_stays_and_verify_says_so() -> None:
    """The next owner's look would delete the samples that were sent with late changes."""
    found = found_at("before send", pace=UNWATCHFUL, trained=False)
    assert any(ERASED in one.samples_left for one in found)
    assert not any(one.samples_left for one in found_at("before send", pace=UNWATCHFUL))


def test_a_late_record_is_found_although_the_next_owner_was_killed_before_it_looked() -> None:
    async def go() -> Found:
        made = await filled_servers(EVENTS)
        first = OnePartition(made, "first", run=RUN, pace=QUICK)
        await first.begin()
        await until(lambda: first.is_done)
        late = last_values(made)[ERASED]
        made.log.event(ERASURES, ERASED, "x-late", EVENTS * 60.0)
        await until(lambda: first.is_done)
        await first.close()
        (*_, (position, _)) = await made.state.outbox(NUMBER)
        await made.state.trim_outbox(NUMBER, position)  # as after the redelivery window
        made.log.append(MEMBERSHIPS, ERASED.encode(), late)
        made.log.event(CLICKS, "c-3", "x-next", EVENTS * 60.0, event_name="view_item")
        gate = Gate(("after flush", 1))
        second, third = OnePartition(made, "second", gate, pace=QUICK), OnePartition(made, "third", pace=QUICK)
        await second.begin()
        await until(gate.stopped.is_set)
        await second.close()
        for n in range(3):  # three events start the clock of the third owner
            made.log.event(CLICKS, "c-3", f"x-{n}", EVENTS * 60.0 + n, event_name="view_item")
        await third.begin()
        await until(lambda: third.is_done and last_values(made)[ERASED] is None)
        await third.close()
        return Found(await disagreeing(made), (await made.verdict()).changes_missing, [])

    assert asyncio.run(go()) == Found([], [], [])


def test_a_thawed_owner_sends_nothing_that_the_store_refused() -> None:
    """Frozen before the write, it learns from the store that the partition has a newer owner."""
    found = found_at("before write", pace=UNWATCHFUL)
    assert found == [Found([], [], [])] * len(found)


def test_a_change_is_sent_again_after_a_failure_although_the_outbox_has_older_entries_of_a_former_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store refuses the older entries in the second attempt, for the string of the first attempt is newer."""

    async def go() -> list[str]:
        made = await filled_servers(EVENTS)
        first, second = OnePartition(made, "first", run=RUN), OnePartition(made, "second", run=RUN)
        await first.begin()
        await until(lambda: first.is_done)
        await first.close()
        await second.begin()
        await until(lambda: second.is_done)
        send, failed = made.log.send, asyncio.Event()

        async def failing(records: Sequence[OutgoingRecord]) -> None:
            if not failed.is_set() and any(one.topic == MEMBERSHIPS for one in records):
                failed.set()
                raise StreamsegError("not acknowledged")
            await send(records)

        monkeypatch.setattr(made.log, "send", failing)
        made.log.event(CONSENTS, "c-3", "x-consent", EVENTS * 60.0, consent={"personalisation": False})
        await until(lambda: failed.is_set() and second.is_done)
        await second.close()
        told = [record.value for record in made.log.records[MEMBERSHIPS] if record.key == b"c-3"]
        assert told[-1] is not None
        return [] if decode(told[-1]).consent.personalisation is False else ["c-3"]

    assert asyncio.run(go()) == []


def test_a_stray_record_and_an_odd_answer_stop_no_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its guard the relay would end at the error, and the partition would wait for it for ever."""

    async def go() -> list[str]:
        made = await filled_servers(EVENTS)
        made.log.append(MEMBERSHIPS, b"c-9", b"no change")
        worker, send, failures = OnePartition(made, "worker", run=RUN), made.log.send, [RuntimeError("odd")]

        async def fails_once(records: Sequence[OutgoingRecord]) -> None:
            if failures:
                raise failures.pop()
            await send(records)

        monkeypatch.setattr(made.log, "send", fails_once)
        await worker.begin()
        await until(lambda: worker.is_done)
        await worker.close()
        assert not failures
        return (await made.verdict()).changes_missing

    assert asyncio.run(go()) == []
