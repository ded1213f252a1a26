"""One implementation of each store port, and connections to Redis for one test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from streamseg.ports import (
    ApiKeyStore,
    AuditLog,
    MembershipStore,
    ModelStore,
    StateStore,
    TicketStore,
    WebhookStore,
    WorkerReports,
)
from streamseg.settings import RedisSettings
from streamseg.store.key_names import ADS_PREFIX
from streamseg.store.memory import (
    MemoryApiKeyStore,
    MemoryMembershipStore,
    MemoryModelStore,
    MemoryStateStore,
    MemoryTicketStore,
    MemoryWebhookStore,
    MemoryWorkerReports,
)
from streamseg.store.memory.audit_log import MemoryAuditLog
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore, connect
from streamseg.store.redis.api_key_store import RedisApiKeyStore
from streamseg.store.redis.audit_log import RedisAuditLog
from streamseg.store.redis.servers.connection import Client
from streamseg.store.redis.ticket_store import RedisTicketStore
from streamseg.store.redis.webhook_store import RedisWebhookStore
from streamseg.store.redis.worker_reports import RedisWorkerReports

TTL_SECONDS = 1_000


@dataclass(frozen=True)
class Stores:
    """One implementation of each port."""

    state: StateStore
    memberships: MembershipStore
    ads_views: MembershipStore
    models: ModelStore
    api_keys: ApiKeyStore
    tickets: TicketStore
    webhooks: WebhookStore
    reports: WorkerReports
    audit: AuditLog


def stores_in_memory() -> Stores:
    return Stores(
        MemoryStateStore(),
        MemoryMembershipStore(ttl_seconds=TTL_SECONDS),
        MemoryMembershipStore(ttl_seconds=TTL_SECONDS),
        MemoryModelStore(),
        MemoryApiKeyStore(),
        MemoryTicketStore(),
        MemoryWebhookStore(),
        MemoryWorkerReports(),
        MemoryAuditLog(),
    )


def stores_on_redis(client: Client) -> Stores:
    return Stores(
        RedisStateStore(client),
        RedisMembershipStore(client, ttl_seconds=TTL_SECONDS),
        RedisMembershipStore(client, ttl_seconds=TTL_SECONDS, prefix=ADS_PREFIX),
        RedisModelStore(client),
        RedisApiKeyStore(client),
        RedisTicketStore(client),
        RedisWebhookStore(client),
        RedisWorkerReports(client),
        RedisAuditLog(client),
    )


@asynccontextmanager
async def connected(url: str, timeout_seconds: float = 5.0, **settings: Any) -> AsyncIterator[Client]:
    client = connect(RedisSettings(url=url, timeout_seconds=timeout_seconds, **settings))
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def connected_to_one(url: str, timeout_seconds: float = 5.0, **settings: Any) -> AsyncIterator[Redis]:
    """Connect to a server that is no Cluster."""
    async with connected(url, timeout_seconds, **settings) as client:
        assert isinstance(client, Redis)
        yield client
