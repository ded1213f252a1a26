"""The only module that knows every concrete class: settings in, working parts out."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase

import msgspec

from streamseg import pipeline
from streamseg.errors import SettingsError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.features.relayout import reading, written
from streamseg.kafka.admin import TopicAdmin
from streamseg.kafka.partitioner import partition_of
from streamseg.kafka.producer import KafkaProducer
from streamseg.kafka.topic_reader import TopicReader
from streamseg.ports import MembershipStore, StateStore
from streamseg.repair.rebuilder import Rebuilder
from streamseg.repair.verifier import Verifier
from streamseg.settings import Settings
from streamseg.store.ads_mirror import AdsMirror
from streamseg.store.key_names import ADS_PREFIX
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore, connect
from streamseg.topics import CLICKS

# -- pure parts ------------------------------------------------------------------------------------------------------


def money_of(settings: Settings) -> Money:
    """The currency that all amounts are counted in."""
    return Money(settings.money.currency, settings.money.minor_units, dict(settings.money.rates))


def layout_of(settings: Settings) -> Layout:
    """What a row is made of under these settings."""
    features = settings.features
    return Layout.of(
        half_life_days=features.half_life_days,
        recent_half_life_days=features.recent_half_life_days,
        categories=features.categories,
        time_zone=features.time_zone,
        remembered_event_ids=features.remembered_event_ids,
        currency=settings.money.currency,
        minor_units=settings.money.minor_units,
        segmentations=tuple(settings.segmentations),
        attributes=[
            Attribute(trait, one.values, one.typical, one.skewed) for trait, one in settings.attributes.items()
        ],
        typical_price=settings.money.typical_price,
        typical_order=settings.money.typical_order,
        brand_groups=settings.brand_groups,
    )


async def rows_layout(settings: Settings, state: StateStore) -> Layout:
    """The same, able to read rows that were written with other segmentations."""
    return reading(layout_of(settings), await state.layouts())


def decoder_of(settings: Settings) -> Decoder:
    """What turns records into events under these settings."""
    return Decoder(money_of(settings), settings.worker.future_limit_seconds)


def features_of(settings: Settings, segmentation: str) -> tuple[str, ...]:
    """The names in the catalogue that the setting's names and patterns come to. Raises `SettingsError`."""
    known = catalogue(layout_of(settings))
    named: dict[str, None] = {}
    for pattern in settings.segmentations[segmentation].features:
        found = [name for name in known if fnmatchcase(name, pattern)]
        if not found:
            raise SettingsError(f"setting segmentations.{segmentation}.features: no such feature: {pattern}")
        named |= dict.fromkeys(found)
    return tuple(named)


def segmentations_of(settings: Settings) -> list[pipeline.Segmentation]:
    """The segmentations, without models yet. Raises `SettingsError`."""
    layout = layout_of(settings)
    known, traits = catalogue(layout), [attribute.name for attribute in layout.attributes]
    made = []
    for name, one in settings.segmentations.items():
        features = features_of(settings, name)
        told = dict.fromkeys(known[feature].attribute for feature in features)
        attributes = () if "" in told else tuple(map(traits.index, told))
        made.append(
            pipeline.Segmentation(
                name,
                features,
                one.margin,
                one.looks,
                one.learn_interval_seconds,
                public_from=math.inf if one.shadow else 0.0,
                attributes=attributes,
            )
        )
    return made


def check_settings(settings: Settings) -> None:
    """What one table of settings cannot know of another. Raises `SettingsError`."""
    segmentations_of(settings)


# -- stores and sinks ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def stores(settings: Settings) -> AsyncIterator[tuple[RedisStateStore, MembershipStore, RedisModelStore]]:
    """The three stores on one connection pool, closed at the end; memberships with the view of ad servers."""
    redis = connect(settings.redis)
    kept = settings.membership
    models = RedisModelStore(redis)
    memberships = RedisMembershipStore(redis, ttl_seconds=kept.ttl_seconds)
    views = RedisMembershipStore(redis, ttl_seconds=kept.ttl_seconds, prefix=ADS_PREFIX)
    try:
        yield RedisStateStore(redis), AdsMirror(memberships, views, models, kept.ads_smallest_segment), models
    finally:
        await redis.aclose()


def event_sink(settings: Settings) -> KafkaProducer:
    """Where events go in."""
    return KafkaProducer(settings.kafka)


def group_lag(settings: Settings) -> dict[tuple[str, int], int]:
    """Records that the workers have not absorbed yet, by topic and partition."""
    return TopicAdmin(settings.kafka).group_lag()


async def read_membership(settings: Settings, customer_id: str) -> tuple[bytes | None, dict[str, str]]:
    """A customer's membership string, and the segments' labels by id."""
    async with stores(settings) as (_, memberships, models):
        stored = (await memberships.read([customer_id]))[0]
        labels = {
            segment: str(msgspec.json.decode(value).get("label", ""))
            for segment, value in (await models.catalogue()).items()
        }
        return stored, labels


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[TopicReader]:
    """Reads the log beside the workers."""
    log = TopicReader(settings.kafka)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def rebuilder(settings: Settings) -> AsyncIterator[tuple[Rebuilder, int]]:
    """What makes rows anew from the log, and how many partitions there are. Raises `SettingsError`."""
    topics = await asyncio.to_thread(TopicAdmin(settings.kafka).topic_ids)
    partitions = topics[CLICKS][1]
    async with reader(settings) as log, stores(settings) as (state, _, _):
        await state.check()
        layout = layout_of(settings)
        await state.remember_layout(layout.fingerprint, written(layout))
        one = Rebuilder(
            layout=layout,
            decoder=decoder_of(settings),
            money=money_of(settings),
            state=state,
            log=log,
            topics=topics,
            belongs=lambda partition, customer: partition_of(customer, partitions) == partition,
        )
        yield one, partitions


@asynccontextmanager
async def verifier(settings: Settings) -> AsyncIterator[tuple[Verifier, int]]:
    """What compares the store with the log, and how many partitions there are. Raises `SettingsError`."""
    topics = await asyncio.to_thread(TopicAdmin(settings.kafka).topic_ids)
    partitions = topics[CLICKS][1]
    async with reader(settings) as log, stores(settings) as (state, memberships, _):
        one = Verifier(
            layout=await rows_layout(settings, state),
            decoder=decoder_of(settings),
            money=money_of(settings),
            state=state,
            memberships=memberships,
            log=log,
            belongs=lambda partition, customer: partition_of(customer, partitions) == partition,
            topics=topics,
            retention_seconds=settings.membership.retention_seconds,
            event_clock=settings.clock == "event",
        )
        yield one, partitions
