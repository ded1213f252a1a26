"""Keeps a simulated shop off the servers of a live one: checks them before, and removes its data afterwards."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from streamseg.errors import SettingsError
from streamseg.kafka.admin import TopicAdmin
from streamseg.service.foreign_data import foreign_topic, is_fitgear
from streamseg.settings import AudienceSettings, SegmentationSettings, Settings
from streamseg.store.key_names import MEMBERSHIP_PREFIX
from streamseg.store.redis.demo_store import RedisDemoStore
from streamseg.wiring.build_repair import topic_reader
from streamseg.wiring.redis_clients import redis_client


def for_demo(settings: Settings, audiences: AudienceSettings | None = None, packs: Collection[str] = ()) -> Settings:
    """Return the settings with the demo's own consumer group, and with what its audiences need of rows.

    And with a segmentation for each of the `packs`, beside those of the settings.
    """
    group = f"{settings.kafka.group}-demo"
    own = {
        "kafka": settings.kafka.model_copy(update={"group": group}),
        "audiences": audiences or settings.audiences,
        "segmentations": settings.segmentations | {name: SegmentationSettings(pack=name) for name in packs},
    }
    return settings.model_copy(update=own)


async def check_kafka(settings: Settings, advice: str) -> None:
    """Check that the topics hold no events of customers other than FitGear's.

    Raises:
        SettingsError: there are such events; the text ends with `advice`.
        ServerUnavailableError: Kafka does not answer.
    """
    counts = await asyncio.to_thread(TopicAdmin(settings.kafka).partition_counts)
    async with topic_reader(settings) as log:
        topic = await foreign_topic(log, counts)
    if topic is not None:
        raise SettingsError(
            f"Kafka at {settings.kafka.bootstrap} has records of customers who are not FitGear's ({topic}): {advice}"
        )


async def check_groups(settings: Settings) -> None:
    """Check that no worker is running, neither with the group of these settings nor with the demo's.

    Raises `SettingsError` and `ServerUnavailableError`.
    """
    for one in (settings, for_demo(settings)):
        if await asyncio.to_thread(TopicAdmin(one.kafka).group_has_members):
            raise SettingsError(
                f"a worker is running on Kafka at {one.kafka.bootstrap} (group {one.kafka.group}): stop it, or give the"
                " demo servers of its own"
            )


async def check_redis(settings: Settings) -> None:
    """Check that the store is empty or has only what an earlier demo wrote.

    Raises `SettingsError` and `StoreUnavailableError`.
    """
    async with _demo_store(settings) as store:
        async for _ in store.keys():
            break
        else:
            return
        prefix = MEMBERSHIP_PREFIX.encode()
        ours = await store.is_marked()
        async for key in store.keys(MEMBERSHIP_PREFIX):
            ours = ours and is_fitgear(key.removeprefix(prefix))
        if not ours:
            raise SettingsError(
                f"Redis at {settings.redis.shown_url} has data that is not the demo's: give the demo a Redis of its own"
            )


async def mark_redis(settings: Settings) -> None:
    """Mark the store as the demo's. Raises `SettingsError` and `StoreUnavailableError`."""
    async with _demo_store(settings) as store:
        await store.mark()


async def remove_from_kafka(settings: Settings) -> int:
    """Delete our topics and the demo's group; return the number of topics. Raises `ServerUnavailableError`."""
    return len(await asyncio.to_thread(TopicAdmin(for_demo(settings).kafka).delete))


async def remove_from_redis(settings: Settings) -> int:
    """Remove our keys; return their number. Raises `StoreUnavailableError`."""
    async with _demo_store(settings) as store:
        return await store.remove_all()


@asynccontextmanager
async def _demo_store(settings: Settings) -> AsyncIterator[RedisDemoStore]:
    async with redis_client(settings.redis) as redis:
        yield RedisDemoStore(redis)
