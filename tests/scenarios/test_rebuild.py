"""Rows made anew in another layout: nothing is lost, nobody moves, the erased stay erased."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streamseg.errors import LayoutMismatchError
from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord
from streamseg.features.codec import erasure_of
from streamseg.features.fields import NEVER
from streamseg.features.layout import Layout
from streamseg.membership.latest_changes import LatestChanges
from streamseg.repair.rebuilder import LogNotWholeError, Rebuilder
from streamseg.topics import CLICKS, CONSENTS, INPUT_TOPICS, MEMBERSHIPS, SAMPLES
from streamseg.worker.layout_check import RowLayouts
from tests.support import partition as support
from tests.support.partition import MONEY, NUMBER, SNAPSHOT, MemoryLog, OnePartition, Servers, fill, until

EVENTS = 60
MANY = 50
"""Customers."""
NEW = Layout.of(remembered_event_ids=16, categories=("shoes",))


def rebuilder(made: Servers) -> Rebuilder:
    return Rebuilder(
        layout=NEW,
        decoder=Decoder(MONEY),
        money=MONEY,
        state=made.state,
        log=made.log,
        sink=made.log,
        topics=dict.fromkeys(INPUT_TOPICS, ("id", 1)),
        belongs=lambda *_: True,
    )


async def served() -> Servers:
    """A partition that a worker with the old layout has worked off."""
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, EVENTS)
    worker = OnePartition(made, "old", run=1)
    await worker.begin()
    await until(lambda: worker.is_done)
    await worker.close()
    return made


def announced(made: Servers) -> dict[str, object]:
    read = LatestChanges()
    for record in made.log.records[MEMBERSHIPS]:
        read.read(record)
    return {customer: read.segments(customer) for customer in read.latest}


def test_a_worker_with_the_new_layout_goes_on_where_the_rebuild_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        made = await served()
        before = announced(made)
        monkeypatch.setattr(support, "LAYOUT", NEW)
        refused = OnePartition(made, "new")
        await refused.begin()
        await until(lambda: bool(refused.failures))
        await refused.close()
        assert isinstance(refused.failures[0], LayoutMismatchError)
        assert "streamseg rebuild" in str(refused.failures[0])

        assert (await rebuilder(made).rebuild())[0] == 6
        worker = OnePartition(made, "new")
        await worker.begin()
        await until(lambda: worker.is_done)
        assert announced(made) == before  # nobody moves because of a rebuild
        fill(made.log, EVENTS, EVENTS)
        await until(lambda: worker.is_done)
        verdict = await made.verdict()
        await worker.close()
        assert verdict.good, verdict
        assert verdict.customers == 6

    asyncio.run(go())


def test_the_first_start_after_a_rebuild_reads_only_changes_that_the_rebuild_has_not_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All memberships of a partition would not fit into a worker's memory."""

    async def go() -> None:
        made = Servers()
        await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        fill(made.log, 0, 4 * MANY, customers=MANY)
        old = OnePartition(made, "old")
        await old.begin()
        published = made.log.records[MEMBERSHIPS]
        await until(lambda: old.is_done and old.partition.relay.published == len(published))
        known = len(published)
        assert known >= MANY
        fill(made.log, 4 * MANY, EVENTS)
        await until(lambda: old.is_done)
        sizes = dict(old.partition.sizes)
        await rebuilder(made).rebuild()
        await old.close()

        rebuilt = await made.state.metadata(NUMBER)
        assert rebuilt is not None
        assert rebuilt.sizes == sizes
        before, read = announced(made), list[int]()
        whole = type(made.log).read

        def counted(
            log: MemoryLog, topic: str, partition: int, start: int, end: int
        ) -> AsyncIterator[list[MemoryRecord]]:
            if topic == MEMBERSHIPS:
                read.extend(range(start, end))
            return whole(log, topic, partition, start, end)

        monkeypatch.setattr(type(made.log), "read", counted)
        monkeypatch.setattr(support, "LAYOUT", NEW)
        for n in range(3):  # which start the clock
            made.log.event(CLICKS, "c-newcomer", f"n-{n}", 90_000.0, event_name="view_item")
        worker = OnePartition(made, "new")
        await worker.begin()
        await until(lambda: worker.is_done and worker.partition.relay.published is not None)
        await worker.close()
        assert min(read, default=known) >= known
        assert {customer: announced(made)[customer] for customer in before} == before
        assert (await made.verdict(layout=NEW)).good

    asyncio.run(go())


def test_a_worker_with_the_old_layout_is_refused_from_the_swap_on() -> None:
    async def go() -> None:
        made = await served()
        old = OnePartition(made, "old")
        await old.begin()
        await until(lambda: old.is_done)
        await rebuilder(made).rebuild()
        fill(made.log, EVENTS, 10)
        await until(lambda: bool(old.failures))
        await old.close()
        assert isinstance(old.failures[0], LayoutMismatchError)

    asyncio.run(go())


def test_after_a_rebuild_the_samples_of_those_who_refuse_analytics_are_deleted() -> None:
    """Their answers may be in the log only: rows of the release before did not keep them."""

    async def go() -> None:
        made = await served()
        made.log.event(CONSENTS, "c-2", "refused", 7_200.0, consent={"analytics": False})
        sampled = {record.key for record in made.log.records[SAMPLES] if record.value}
        assert b"behaviour|c-2" in sampled
        await rebuilder(made).rebuild()
        rows = RowLayouts(NEW, frozenset(), frozenset(NEW.segmentations))
        worker = OnePartition(made, "new", rows=rows)
        await worker.begin()
        for n in range(3):
            made.log.event(CLICKS, "c-3", f"later-{n}", 9_000.0, event_name="view_item")
        await until(lambda: worker.is_done)
        await worker.sweep()
        await until(lambda: worker.is_done)
        await worker.close()
        latest = {record.key: record.value for record in made.log.records[SAMPLES]}
        assert latest[b"behaviour|c-2"] is None
        assert latest[b"behaviour|c-3"] is not None

    asyncio.run(go())


def test_the_markers_of_erasures_outlive_the_log() -> None:
    async def go() -> None:
        made = await served()
        made.log.records.clear()
        await rebuilder(made).rebuild()
        _, rows = await made.state.scan(NUMBER, 0, 100)
        assert [customer for customer, row in rows if erasure_of(row) > NEVER] == ["c-1"]

    asyncio.run(go())


def test_a_log_that_is_not_whole_is_told_before_anything_is_done() -> None:
    async def go() -> None:
        made = await served()
        await rebuilder(made).check_whole()
        grown = rebuilder(made)
        head = await made.state.metadata(NUMBER)
        assert head is not None
        await made.state.set_topics(NUMBER, head.owner, {CLICKS: ("another id", 1)})
        with pytest.raises(LogNotWholeError, match="clicks was created again"):
            await grown.check_whole()

    asyncio.run(go())
