"""Build what the console shows of events as they come, and what it sends for a try."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from streamseg.console.reads.live_feed import LiveFeed
from streamseg.console.reads.trials import Trials
from streamseg.kafka.partitioner import partition_of
from streamseg.kafka.topic_tail import TopicTail
from streamseg.ports import EventSink, MembershipStore, StateStore
from streamseg.service.live_events import live_event
from streamseg.service.tried_events import TriedEvents
from streamseg.settings import Settings
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS
from streamseg.wiring.derived import derive
from streamseg.wiring.kafka_clients import late_log


@asynccontextmanager
async def live_feed(settings: Settings) -> AsyncIterator[LiveFeed]:
    """Yield the feed; it is connected while somebody looks."""
    tail = TopicTail(settings.kafka, (*INPUT_TOPICS, DEAD_LETTERS))
    feed = LiveFeed(tail, partial(live_event, decoder=derive(settings).decoder))
    try:
        yield feed
    finally:
        await feed.close()


@asynccontextmanager
async def trials(
    settings: Settings, state: StateStore, memberships: MembershipStore, sink: EventSink
) -> AsyncIterator[Trials]:
    """Yield what sends events for a try and follows them."""
    async with late_log(settings) as log:
        events = TriedEvents(
            state,
            memberships,
            log,
            sink,
            partition_of=partition_of,
            event_clock=settings.clock == "event",
            currency=derive(settings).layout.currency,
        )
        made = Trials(events)
        try:
            yield made
        finally:
            await made.close()
