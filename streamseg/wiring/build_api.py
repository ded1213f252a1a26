"""Build the API and the webhooks on Redis. Separate from the rest, so that neither loads what the other needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamseg.api.app import Api
from streamseg.api.server import serve
from streamseg.api.webhooks.messages import AdsAudiences
from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.language.actions import read_actions
from streamseg.metrics import Metrics
from streamseg.ports import ApiKeyStore, EventSink, KeyKind, ModelStore, WebhookStore
from streamseg.settings import Settings
from streamseg.store.key_names import ADS_PREFIX, API_KEYS, CONSOLE_KEYS, MEMBERSHIP_PREFIX
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore
from streamseg.store.redis.api_key_store import RedisApiKeyStore
from streamseg.store.redis.audit_log import RedisAuditLog
from streamseg.store.redis.change_notices import change_notices
from streamseg.store.redis.servers.connection import Client
from streamseg.store.redis.ticket_store import RedisTicketStore
from streamseg.store.redis.webhook_store import RedisWebhookStore
from streamseg.wiring.derived import derive
from streamseg.wiring.explaining import explainer
from streamseg.wiring.kafka_clients import event_sink
from streamseg.wiring.metered import metered
from streamseg.wiring.redis_clients import redis_client

if TYPE_CHECKING:
    from streamseg.service.audience_desk import AudienceDesk


@asynccontextmanager
async def api_on_redis(settings: Settings, sink: EventSink) -> AsyncIterator[Api]:
    """Build the API on Redis and listen for changes; events go to `sink`. Raises `SettingsError`."""
    address = settings.redis.model_copy(update={"timeout_seconds": settings.api.store_timeout_seconds})
    ttl_seconds = settings.membership.ttl_seconds
    derived = derive(settings)
    async with redis_client(address) as redis:
        metrics = Metrics()
        notices, models = change_notices(redis), metered(RedisModelStore(redis), "models", metrics)
        memberships, views = (
            RedisMembershipStore(redis, ttl_seconds=ttl_seconds, prefix=prefix)
            for prefix in (MEMBERSHIP_PREFIX, ADS_PREFIX)
        )
        api = Api(
            settings.api,
            metrics,
            keys=metered(RedisApiKeyStore(redis), "keys", metrics),
            memberships=metered(memberships, "memberships", metrics),
            ads_views=metered(views, "ads_views", metrics),
            models=models,
            tickets=metered(RedisTicketStore(redis), "tickets", metrics),
            notices=notices,
            sink=sink,
            decoder=derived.decoder,
            explainer=explainer(RedisStateStore(redis), models, derived),
            audience_desk=lambda: _desk(settings, redis, models),
            language=settings.descriptions.language,
            actions=read_actions(settings.descriptions.actions_file),
        )
        async with notices.listening():
            yield api


def _desk(settings: Settings, redis: Client, models: ModelStore) -> "AudienceDesk":
    """Make what answers about audiences. Loads numpy, so it is made in a thread, once it is asked for."""
    from streamseg.wiring.build_audiences import desk  # noqa: PLC0415 - only an API with scoped keys needs it

    return desk(settings, RedisStateStore(redis), models, RedisAuditLog(redis))


async def run_api(
    settings: Settings,
    *,
    stop: asyncio.Event,
    at_once: asyncio.Event | None = None,
    listening: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until `stop` is set; `listening` is called with the address. Raises `SettingsError`.

    With `at_once` set as well, do not wait until load balancers have noticed.
    """
    sink = event_sink(settings)
    try:
        async with api_on_redis(settings, sink) as api:
            await serve(
                api,
                settings.api.host,
                settings.api.port,
                stop=stop,
                at_once=at_once,
                leave_seconds=settings.api.leave_seconds,
                listening=listening,
            )
    finally:
        await sink.close()


@asynccontextmanager
async def api_keys(settings: Settings, kind: KeyKind = "secret") -> AsyncIterator[ApiKeyStore]:
    """Open the store of API keys that has this kind: those of the console are kept apart."""
    async with redis_client(settings.redis) as redis:
        yield RedisApiKeyStore(redis, CONSOLE_KEYS if kind == "console" else API_KEYS)


@asynccontextmanager
async def webhooks(
    settings: Settings,
) -> AsyncIterator[tuple[WebhookStore, Callable[[], Awaitable[AdsAudiences]]]]:
    """Open the store of subscribers and deliveries, and what reads the audiences that those for ads may hear of."""
    async with redis_client(settings.redis) as redis:
        models = RedisModelStore(redis)

        async def ads_audiences() -> AdsAudiences:
            declared = DeclaredAudiences.decode(await models.declared())
            large_enough = AudienceSizes.decode(await models.audience_sizes()).large_enough(declared, "ads")
            for_ads = {one.id: one.version for one in declared.audiences if one.definition["purpose"] == "ads"}
            return AdsAudiences(for_ads, large_enough)

        yield RedisWebhookStore(redis), ads_audiences
