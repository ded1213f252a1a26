"""Builds the offline tools: verify, rebuild, and the reader of dead letters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.clustering.likeness.models import Lookalikes
from streamseg.features.relayout import encoded_settings
from streamseg.kafka.partitioner import partition_of
from streamseg.kafka.topic_reader import TopicReader
from streamseg.ports import EventSink, Log
from streamseg.repair.rebuilder import Rebuilder
from streamseg.repair.set_aside import LogWithoutSetAside, set_aside_places
from streamseg.repair.verifier import Verifier
from streamseg.settings import Settings
from streamseg.topics import CLICKS, DEAD_LETTERS
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.wiring.derived import derive
from streamseg.wiring.kafka_clients import event_sink, topic_ids
from streamseg.wiring.stores import stored_layout, stores


@asynccontextmanager
async def topic_reader(settings: Settings) -> AsyncIterator[TopicReader]:
    """Open a reader of the log beside the workers."""
    log = TopicReader(settings.kafka)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def _change_sink(settings: Settings) -> AsyncIterator[EventSink]:
    sink = event_sink(settings)
    try:
        yield sink
    finally:
        await sink.close()


async def _applied_log(log: TopicReader) -> Log:
    """Return the log without the records that workers set aside."""
    return LogWithoutSetAside(log, await set_aside_places(log, await log.partitions(DEAD_LETTERS)))


@asynccontextmanager
async def rebuilder(settings: Settings) -> AsyncIterator[tuple[Rebuilder, int]]:
    """Open the `Rebuilder`; yields it with the number of partitions. Raises `SettingsError`."""
    derived, topics = derive(settings), await topic_ids(settings)
    partitions = topics[CLICKS][1]
    async with (
        topic_reader(settings) as log,
        _change_sink(settings) as sink,
        stores(settings) as (state, _, models),
    ):
        await state.check()
        await state.remember_layout(derived.layout.fingerprint, encoded_settings(derived.layout))
        declared = DeclaredAudiences.decode(await models.declared())
        published, live = Lookalikes.decode(await models.lookalikes()), None
        if declared.generation and derived.layout.audiences:
            live, _ = live_audiences(
                derived.layout,
                declared,
                None,
                published,
                segmentations=derived.declared,
                compared_by=derived.segmentations,
            )
        one = Rebuilder(
            layout=derived.layout,
            decoder=derived.decoder,
            money=derived.money,
            state=state,
            log=await _applied_log(log),
            sink=sink,
            topics=topics,
            belongs=lambda partition, customer: partition_of(customer, partitions) == partition,
            audiences=live,
            unknown=derived.publishing.unknown_consent,
        )
        yield one, partitions


@asynccontextmanager
async def verifier(settings: Settings) -> AsyncIterator[tuple[Verifier, int]]:
    """Open the `Verifier`; yields it with the number of partitions. Raises `SettingsError`."""
    derived, topics = derive(settings), await topic_ids(settings)
    partitions = topics[CLICKS][1]
    async with topic_reader(settings) as log, stores(settings) as (state, memberships, _):
        one = Verifier(
            layout=await stored_layout(derived.layout, state),
            decoder=derived.decoder,
            money=derived.money,
            state=state,
            memberships=memberships,
            log=await _applied_log(log),
            belongs=lambda partition, customer: partition_of(customer, partitions) == partition,
            topics=topics,
            retention_seconds=settings.membership.retention_seconds,
            event_clock=settings.clock == "event",
        )
        yield one, partitions
