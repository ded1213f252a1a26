"""The stores on Redis, opened and closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.metrics import Metrics
from streamseg.ports import AuditLog, MembershipStore, ModelStore, StateStore, WorkerReports
from streamseg.settings import Settings
from streamseg.store.ads_mirror import AdsMirror
from streamseg.store.key_names import ADS_PREFIX
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore
from streamseg.store.redis.audit_log import RedisAuditLog
from streamseg.store.redis.worker_reports import RedisWorkerReports
from streamseg.wiring.metered import metered
from streamseg.wiring.redis_clients import redis_client


@asynccontextmanager
async def stores(
    settings: Settings, metrics: Metrics | None = None
) -> AsyncIterator[tuple[StateStore, MembershipStore, ModelStore]]:
    """Open the state, membership and model stores on one connection pool; memberships include the ads view.

    With metrics, their calls are measured.
    """
    kept = settings.membership
    async with redis_client(settings.redis) as redis:
        models = RedisModelStore(redis)
        memberships = RedisMembershipStore(redis, ttl_seconds=kept.ttl_seconds)
        views = RedisMembershipStore(redis, ttl_seconds=kept.ttl_seconds, prefix=ADS_PREFIX)
        state, mirror = RedisStateStore(redis), AdsMirror(memberships, views, models, kept.ads_smallest_segment)
        if metrics is None:
            yield state, mirror, models
        else:
            yield (
                metered(state, "state", metrics),
                metered(mirror, "memberships", metrics),
                metered(models, "models", metrics),
            )


@asynccontextmanager
async def worker_reports(settings: Settings) -> AsyncIterator[WorkerReports]:
    """Open the reports of workers on a connection of their own."""
    async with redis_client(settings.redis) as redis:
        yield RedisWorkerReports(redis)


@asynccontextmanager
async def audit_log(settings: Settings) -> AsyncIterator[AuditLog]:
    """Open the log of what people changed, on a connection of its own."""
    async with redis_client(settings.redis) as redis:
        yield RedisAuditLog(redis)


async def stored_layout(layout: Layout, state: StateStore) -> Layout:
    """Return the layout, able to read rows that were written with other segmentations.

    Raises `StoreUnavailableError`.
    """
    return with_readable(layout, await state.layouts())
