"""The API on Redis. Apart from `streamseg.wiring`, so that it starts without loading what only workers need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamseg.api.app import Api, Collaborators
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.metrics import Metrics
from streamseg.ports import ApiKeyStore, EventSink
from streamseg.settings import Settings
from streamseg.store.keys import ADS_PREFIX
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, connect
from streamseg.store.redis.api_keys import RedisApiKeyStore
from streamseg.store.redis.notices import RedisChangeNotices, RedisTicketStore


@asynccontextmanager
async def api_on_redis(settings: Settings, sink: EventSink) -> AsyncIterator[Api]:
    """The API with its stores, listening for changes; `sink` is where events go. Raises `SettingsError`."""
    redis = connect(settings.redis.model_copy(update={"timeout_seconds": settings.api.store_timeout_seconds}))
    ttl_seconds = settings.membership.ttl_seconds
    notices = RedisChangeNotices(redis)
    money = Money(settings.money.currency, settings.money.minor_units, dict(settings.money.rates))
    try:
        api = Api(
            Collaborators(
                settings=settings.api,
                memberships=RedisMembershipStore(redis, ttl_seconds=ttl_seconds),
                ads_views=RedisMembershipStore(redis, ttl_seconds=ttl_seconds, prefix=ADS_PREFIX),
                models=RedisModelStore(redis),
                keys=RedisApiKeyStore(redis),
                tickets=RedisTicketStore(redis),
                notices=notices,
                sink=sink,
                decoder=Decoder(money, settings.worker.future_limit_seconds),
                metrics=Metrics(),
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
