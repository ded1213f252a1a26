"""The API on Redis. Apart from `streamseg.wiring`, so that it starts without loading what only workers need."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamseg.api.app import Api, Collaborators
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.metrics import Metrics
from streamseg.ports import ApiKeyStore, EventSink, WebhookStore
from streamseg.settings import Settings
from streamseg.store.keys import ADS_PREFIX
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore, connect
from streamseg.store.redis.api_keys import RedisApiKeyStore
from streamseg.store.redis.notices import RedisChangeNotices, RedisTicketStore
from streamseg.store.redis.webhooks import RedisWebhookStore

if TYPE_CHECKING:
    from streamseg.features.layout import Layout


@asynccontextmanager
async def api_on_redis(
    settings: Settings,
    sink: EventSink,
    *,
    layout: Callable[[], "Layout"],
    partition_of: Callable[[str, int], int],
) -> AsyncIterator[Api]:
    """The API with its stores, listening for changes. Raises `SettingsError`.

    Args:
        settings: all of them.
        sink: where events go.
        layout: makes the layout of the rows; called when first needed.
        partition_of: the partition of a customer, of so many.
    """
    redis = connect(settings.redis.model_copy(update={"timeout_seconds": settings.api.store_timeout_seconds}))
    ttl_seconds = settings.membership.ttl_seconds
    notices = RedisChangeNotices(redis)
    money = Money(settings.money.currency, settings.money.minor_units, dict(settings.money.rates))
    try:
        api = Api(
            Collaborators(
                settings=settings.api,
                state=RedisStateStore(redis),
                memberships=RedisMembershipStore(redis, ttl_seconds=ttl_seconds),
                ads_views=RedisMembershipStore(redis, ttl_seconds=ttl_seconds, prefix=ADS_PREFIX),
                models=RedisModelStore(redis),
                keys=RedisApiKeyStore(redis),
                tickets=RedisTicketStore(redis),
                notices=notices,
                sink=sink,
                decoder=Decoder(money, settings.worker.future_limit_seconds),
                metrics=Metrics(),
                layout=layout,
                partition_of=partition_of,
            )
        )
        async with notices.listening():
            yield api
    finally:
        await redis.aclose()


@asynccontextmanager
async def api_keys(settings: Settings) -> AsyncIterator[ApiKeyStore]:
    """The keys that the API takes."""
    redis = connect(settings.redis)
    try:
        yield RedisApiKeyStore(redis)
    finally:
        await redis.aclose()


@asynccontextmanager
async def webhooks(settings: Settings) -> AsyncIterator[WebhookStore]:
    """Subscribers and deliveries."""
    redis = connect(settings.redis)
    try:
        yield RedisWebhookStore(redis)
    finally:
        await redis.aclose()
