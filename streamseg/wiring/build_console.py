"""Build the console on the stores that the settings name."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from streamseg.api.server import serve
from streamseg.clustering.description.comparison import Comparison
from streamseg.console.access.gate import Gate
from streamseg.console.access.openid.logins import OpenIdLogins
from streamseg.console.access.openid.provider import provider_at
from streamseg.console.access.openid.refusals import LoginRefusedError, ProviderAwayError
from streamseg.console.access.sessions import Signer
from streamseg.console.app import Console
from streamseg.console.reads.facts import BESIDE_PAGES, Facts
from streamseg.console.reads.learning import Learning
from streamseg.console.routes.openid import RETURN
from streamseg.console.routes.rendering import prepare_templates
from streamseg.errors import ServerUnavailableError, SettingsError
from streamseg.features.rows import Rows
from streamseg.kafka.partitioner import partition_of
from streamseg.language.actions import read_actions
from streamseg.ports import Log, ModelStore, OutgoingRecord, StateStore
from streamseg.service.erasures import partition_of_customer
from streamseg.service.k_selection import MAX_CUSTOMERS, KAdvice, advise
from streamseg.service.live_rows import live_vectors, some_rows
from streamseg.service.movers import recent_moves
from streamseg.service.segmentations import compare_segmentations
from streamseg.service.status import Status
from streamseg.service.status_judgement import Problem, problems
from streamseg.service.timeline import Timeline, read_timeline
from streamseg.settings import Settings
from streamseg.store.key_names import CONSOLE_KEYS
from streamseg.store.redis.api_key_store import RedisApiKeyStore
from streamseg.wiring.build_audiences import desk
from streamseg.wiring.build_lists import list_desk
from streamseg.wiring.build_live import live_feed, trials
from streamseg.wiring.build_status import read_status
from streamseg.wiring.derived import Derived, derive
from streamseg.wiring.explaining import explainer
from streamseg.wiring.kafka_clients import event_sink, late_log
from streamseg.wiring.redis_clients import redis_client
from streamseg.wiring.stores import audit_log, stores

log = logging.getLogger(__name__)

LOCAL: frozenset[str] = frozenset({"127.0.0.1", "::1", "localhost"})
MOST_SEGMENTS = 12
"""The largest k that the advice tries, as `streamseg advise-k` does."""
LATE_SECONDS = 60.0
"""As `streamseg status` has it."""
SEND_SECONDS = 10.0
"""How long Kafka may take to acknowledge a record."""
TIMELINE_SECONDS = 3.0
"""How long the topics are read for a timeline."""


@asynccontextmanager
async def console_on_redis(settings: Settings, *, demo: bool = False) -> AsyncIterator[Console]:
    """Build the console. Raises `SettingsError`, also for a demo that is not on this machine alone."""
    given, derived = settings.console, derive(settings)
    if demo and given.host not in LOCAL:
        raise SettingsError(f"--demo lets everybody in: it listens on 127.0.0.1 only, not on {given.host}")
    secure = given.public_url is not None and given.public_url.startswith("https:")
    signer = Signer([one.get_secret_value() for one in given.session_secrets])
    async with (
        stores(settings) as (state, memberships, models),
        redis_client(settings.redis) as redis,
        audit_log(settings) as audit,
        _openid(settings, signer) as openid,
        late_log(settings) as log,
        late_log(settings) as past_log,  # a log reads one range at a time, and a past takes seconds
        live_feed(settings) as live,
        trials(settings, state, memberships, SeldomSink(settings)) as tried,
    ):
        answers, uploads = desk(settings, state, models, audit), list_desk(settings, state, models, audit)
        facts = Facts(
            state,
            memberships,
            models,
            layout=derived.layout,
            desk=answers,
            learning=_learning(settings, derived, state, models),
            lists=uploads,
            live=live,
            trials=tried,
            status=partial(_status, settings, ask_kafka=not demo),
            explainer=explainer(state, models, derived),
            past=partial(_past, past_log, state),
            partition_of=partition_of,
            unknown=derived.publishing.unknown_consent,
            segmentations=tuple(settings.segmentations),
            moves=lambda partitions: recent_moves(log(), memberships, partitions),
            event_clock=settings.clock == "event",
            clock=time.time,
        )
        yield Console(
            facts,
            Gate(signer, secure=secure, demo=demo, openid=openid is not None),
            RedisApiKeyStore(redis, CONSOLE_KEYS),
            audit,
            SeldomSink(settings),
            desk=answers,
            lists=uploads,
            language=settings.descriptions.language,
            actions=tuple(read_actions(settings.descriptions.actions_file)),
            streams_limit=given.streams_limit,
            secure=secure,
            openid=openid,
        )


async def run_console(
    settings: Settings, *, stop: asyncio.Event, demo: bool = False, listening: Callable[[str], None] = lambda _: None
) -> None:
    """Serve until `stop` is set; `listening` is called with the address. Raises `SettingsError`."""
    async with console_on_redis(settings, demo=demo) as console:
        prepare_templates()  # before there is an address to come to
        await serve(console, settings.console.host, settings.console.port, stop=stop, listening=listening)


class SeldomSink:
    """A sink that connects to Kafka for each sending: a producer that stays would do nothing most of the time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """See the port."""
        sink = event_sink(self._settings)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await sink.send(records)
        except TimeoutError:
            raise ServerUnavailableError("Kafka does not acknowledge the record") from None
        finally:
            await sink.close()


def _learning(settings: Settings, derived: Derived, state: StateStore, models: ModelStore) -> Learning:
    """Build what reads the models."""
    unknown = settings.membership.unknown_analytics_consent

    async def compare(old: str, new: str) -> Comparison:
        return await compare_segmentations(state, derived.layout, old, new, rest=BESIDE_PAGES)

    async def advised(name: str) -> KAdvice | None:
        rows = await some_rows(state, derived.layout, MAX_CUSTOMERS)
        now = None if settings.clock == "event" else time.time()
        return await asyncio.to_thread(_advise, rows, derived, name, now, unknown=unknown)

    return Learning(
        models,
        shadow={name: one.shadow for name, one in settings.segmentations.items()},
        segments_wanted={one.segmentation: one.k for one in derived.learner_params},
        compare=compare,
        advise=advised,
        clock=time.time,
    )


def _advise(rows: Rows, derived: Derived, name: str, now: float | None, *, unknown: bool) -> KAdvice | None:
    _, customers, vectors = live_vectors(rows, derived.segmentation(name), now, unknown=unknown)
    if len(customers) < 2 * MOST_SEGMENTS:
        return None
    return advise(vectors, derived.features_of(name), MOST_SEGMENTS)


async def _past(log: Callable[[], Log], state: StateStore, customer_id: str) -> Timeline:
    partition = await partition_of_customer(state, partition_of, customer_id)
    return await read_timeline(log(), partition, customer_id, seconds=TIMELINE_SECONDS)


@asynccontextmanager
async def _openid(settings: Settings, signer: Signer) -> AsyncIterator[OpenIdLogins | None]:
    """Yield the logins at the provider; None without one.

    Raises `SettingsError` for a provider that answers as somebody else. One that is away is asked when people log in.
    """
    given, public_url = settings.console.openid, settings.console.public_url
    if given is None or public_url is None:
        yield None
        return
    async with provider_at(given.issuer, given.client_id, given.client_secret.get_secret_value()) as provider:
        logins = OpenIdLogins(
            provider,
            signer,
            redirect_uri=f"{public_url.rstrip('/')}{RETURN}",
            after_logout=f"{public_url.rstrip('/')}/login",
            name=given.name,
            scopes=" ".join(given.scopes),
            role_claim=given.role_claim,
            roles=given.roles,
            session_seconds=given.session_seconds,
        )
        try:
            await logins.check()
        except LoginRefusedError as error:
            raise SettingsError(f"console.openid.issuer: {error.detail}") from None
        except ProviderAwayError as error:
            log.warning("people cannot log in at the provider yet: %s", error)
        yield logins


async def _status(settings: Settings, *, ask_kafka: bool) -> tuple[Status, Sequence[Problem]]:
    status = await read_status(settings, ask_kafka=ask_kafka)
    bound = settings.membership.bound_seconds
    return status, problems(status, late_seconds=LATE_SECONDS, bound_seconds=bound)
