"""A segmentation comes and goes while rows and decisions stay; workers that have not heard of it are refused."""

import asyncio
from dataclasses import replace

import pytest

from streamseg.clustering.identity import segmentation_of
from streamseg.errors import LayoutMismatchError
from streamseg.features.layout import Attribute, Layout
from streamseg.topics import MEMBERSHIPS, SAMPLES
from streamseg.worker.layout_check import RowLayouts, check_layouts
from tests.support.partition import LAYOUT, NUMBER, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60
WIDER = replace(LAYOUT, segmentations=("behaviour", "tastes"))
TASTES = replace(SNAPSHOT, segmentation="tastes", segments=tuple(f"tastes-{one[-4:]}" for one in SNAPSHOT.segments))


async def rows_of(made: Servers, layout: Layout) -> RowLayouts:
    return await check_layouts(layout, made.state, made.models, NUMBER + 1)


async def started(made: Servers, owner: str, layout: Layout) -> OnePartition:
    worker = OnePartition(made, owner, run=1, rows=await rows_of(made, layout))
    await worker.begin()
    return worker


async def worked_off(made: Servers, owner: str, layout: Layout) -> None:
    worker = await started(made, owner, layout)
    await until(lambda: worker.is_done or bool(worker.failures))
    await worker.close()
    assert not worker.failures


async def served() -> Servers:
    """A partition that a worker with one segmentation has worked off."""
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    await made.models.publish("tastes", 1, 0, TASTES.to_json())
    fill(made.log, 0, EVENTS)
    await worked_off(made, "old", LAYOUT)
    return made


async def check_nothing_lost(made: Servers, layout: Layout) -> None:
    verdict = await made.verdict(layout=(await rows_of(made, layout)).layout)
    assert verdict.good, (verdict.differences, verdict.changes_missing)
    assert verdict.customers == 6


def exits(made: Servers, since: int) -> set[str]:
    """Who was told to have left a segment of the tastes, from a number of change records on."""
    changed = [record for record in made.log.records[MEMBERSHIPS][since:] if b'"exited"' in (record.value or b"")]
    return {(record.key or b"").decode() for record in changed if b'"segment":"tastes-' in (record.value or b"")}


async def members(made: Servers) -> set[str]:
    head = await made.state.metadata(NUMBER)
    assert head is not None
    return {segmentation_of(segment) for segment in head.sizes}


def test_a_segmentation_is_added_and_everybody_stays_where_they_are() -> None:
    async def go() -> None:
        made = await served()
        assert await members(made) == {"behaviour"}
        fill(made.log, EVENTS, EVENTS)
        await worked_off(made, "new", WIDER)
        assert await members(made) == {"behaviour", "tastes"}
        await check_nothing_lost(made, WIDER)

    asyncio.run(go())


def test_a_worker_that_has_not_heard_of_it_is_refused_while_it_runs_and_when_it_starts() -> None:
    async def go() -> None:
        made = await served()
        old = await started(made, "old", LAYOUT)
        await until(lambda: old.is_done)
        new = await started(made, "new", WIDER)
        await until(lambda: new.is_done)
        fill(made.log, EVENTS, EVENTS)
        await old.begin()  # Kafka gives it the partition back
        await until(lambda: bool(old.failures))
        assert isinstance(old.failures[0], LayoutMismatchError)
        await until(lambda: new.is_done)
        with pytest.raises(LayoutMismatchError, match=r"rows also have tastes, .*`streamseg segments drop tastes`"):
            await rows_of(made, LAYOUT)
        await old.close()
        await new.close()
        assert not new.failures
        await check_nothing_lost(made, WIDER)

    asyncio.run(go())


def test_a_segmentation_goes_when_it_was_dropped_and_everybody_has_left_it() -> None:
    async def go() -> None:
        made = await served()
        fill(made.log, EVENTS, EVENTS)
        worker = await started(made, "wider", WIDER)
        await until(lambda: worker.is_done)
        samples, told = len(made.log.records[SAMPLES]), len(made.log.records[MEMBERSHIPS])
        await made.models.drop("tastes", 1)
        with pytest.raises(LayoutMismatchError, match=r"5 customers of partition 0 are still in tastes"):
            await rows_of(made, LAYOUT)
        await worker.models.refresh()
        await until(lambda: len(exits(made, told)) == 5)
        await until(lambda: worker.is_done)
        await worker.close()
        assert len(made.log.records[SAMPLES]) == samples
        assert exits(made, told) == {f"c-{n}" for n in (0, 2, 3, 4, 5)}
        await check_nothing_lost(made, WIDER)

        fill(made.log, 2 * EVENTS, EVENTS)
        await worked_off(made, "narrower", LAYOUT)
        assert await members(made) == {"behaviour"}
        await check_nothing_lost(made, LAYOUT)
        fill(made.log, 3 * EVENTS, EVENTS)
        await worked_off(made, "wider", WIDER)  # one that was forgotten does no harm
        assert await members(made) == {"behaviour"}
        await check_nothing_lost(made, LAYOUT)

    asyncio.run(go())


def test_another_order_of_the_same_segmentations_is_no_other_layout_to_anybody() -> None:
    async def go() -> None:
        made = await served()
        fill(made.log, EVENTS, EVENTS)
        await worked_off(made, "one", WIDER)
        turned = replace(WIDER, segmentations=("tastes", "behaviour"))
        fill(made.log, 2 * EVENTS, EVENTS)
        await worked_off(made, "two", turned)
        fill(made.log, 3 * EVENTS, EVENTS)
        await worked_off(made, "one again", WIDER)
        await check_nothing_lost(made, WIDER)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (Layout.of(remembered_event_ids=16, half_life_days=10), r"features.half_life_days: 30.0 there, 10.0 here"),
        (Layout.of(remembered_event_ids=16, categories=("shoes",)), r"features.categories: \+shoes"),
        (Layout.of(remembered_event_ids=16, attributes=(Attribute("age"),)), r"features.attributes: \+age"),
    ],
)
def test_what_only_the_log_knows_is_asked_of_a_rebuild(other: Layout, what: str) -> None:
    async def go() -> None:
        made = await served()
        with pytest.raises(LayoutMismatchError, match=rf"{what}\): .*`streamseg rebuild`"):
            await rows_of(made, other)
        assert set(await made.state.layouts()) == {LAYOUT.fingerprint}, "who is refused has no say"

    asyncio.run(go())
