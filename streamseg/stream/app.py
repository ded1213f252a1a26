"""The Faust app: one agent for each topic, which hands whole runs to the worker."""

import logging
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import faust
from faust.assignor import partition_assignor
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol

from streamseg.events.record import RecordBatch
from streamseg.ports import RunHandler
from streamseg.settings import KafkaSettings
from streamseg.stream.consumer import RunConsumer, RunSchema, RunTransport
from streamseg.stream.even_assignor import EvenAssignor
from streamseg.topics import INPUT_TOPICS, SAMPLES

log = logging.getLogger(__name__)

SESSION_TIMEOUT_SECONDS: Final = {"fast": 6.0, "rolling": 45.0}
"""`fast`: the least that brokers allow by default; a second worker took over 6.3 s after kill -9."""
HEARTBEAT_SECONDS: Final = 1.0
"""How soon the members learn of a rebalance: until the last one joins, nobody reads."""
QUEUED_RUNS: Final = 10_000
"""Never reached: agents do not wait, and a poll yields one item per topic. Faust would stop the others too."""


class TablelessApp(faust.App):  # type: ignore[misc]  # Faust is untyped
    """A Faust app without tables and their folders."""

    def _create_directories(self) -> None:
        pass


def build_app(
    kafka: KafkaSettings,
    handler: RunHandler,
    max_poll: int,
    max_fetch: int,
) -> Any:
    """Make the app; starts nothing and asks no broker.

    Args:
        kafka: where the broker is, and how this worker joins the group.
        handler: takes each run and says what may be committed.
        max_poll: records per poll, at most.
        max_fetch: bytes of a partition in one answer of the broker, at most.
    """
    session = SESSION_TIMEOUT_SECONDS[kafka.membership_profile]
    partition_assignor.CopartitionedAssignor = EvenAssignor  # Faust has no setting for it
    app = TablelessApp(
        kafka.group,
        broker=[f"aiokafka://{server.strip()}" for server in kafka.bootstrap.split(",")],
        broker_credentials=_credentials(kafka),
        autodiscover=False,
        web_enabled=False,
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        # With 0, Faust assigns without `EvenAssignor`: round-robin, which separates clicks from purchases.
        table_standby_replicas=1,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=kafka.instance_id if kafka.membership_profile == "rolling" else None,
        broker_session_timeout=session,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_request_timeout=max(30.0, session),
        broker_commit_interval=1.0,
        broker_max_poll_records=max_poll,
        consumer_max_fetch_size=max_fetch,
        broker_max_poll_interval=86_400.0,  # a store that is away must not end the membership in the group
        stream_buffer_maxsize=QUEUED_RUNS,
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
        producer_linger=0.0,
    )
    app.transport = RunTransport(app.conf.broker_consumer, app, handler=handler, kafka=kafka)
    for topic in (*INPUT_TOPICS, SAMPLES):
        _add_agent(app, topic, handler.offer)
    _tell_of_nothing_assigned(app, handler)
    return app


def consumer_of(app: Any) -> RunConsumer:
    """Return the app's consumer."""
    consumer: RunConsumer = app.consumer
    return consumer


def _add_agent(app: Any, topic: str, offer: Callable[[RecordBatch], None]) -> None:
    async def take_runs(polls: Any) -> AsyncIterator[None]:
        async for runs in polls:
            for run in runs:
                offer(run)
            yield

    app.agent(app.topic(topic, schema=RunSchema(), partitions=None), name=topic)(take_runs)


def _tell_of_nothing_assigned(app: Any, handler: RunHandler) -> None:
    """Begin an empty assignment, too: Faust seeks, which begins the others, only where it has partitions."""

    async def begin(_: Any, assigned: Any, **__: Any) -> None:
        if not assigned:
            handler.begin(set())

    app.on_partitions_assigned.connect(begin)


def _credentials(kafka: KafkaSettings) -> Any:
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = None
    if kafka.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=str(kafka.ssl_ca_file) if kafka.ssl_ca_file else None)
        if kafka.ssl_certificate_file is not None:
            context.load_cert_chain(kafka.ssl_certificate_file, kafka.ssl_key_file)
    if kafka.security_protocol == "SSL":
        return SSLCredentials(context=context)
    credentials = SASLCredentials(
        username=kafka.sasl_username,
        password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        mechanism=kafka.sasl_mechanism,
        ssl_context=context,
    )
    credentials.protocol = AuthProtocol.SASL_SSL if context else AuthProtocol.SASL_PLAINTEXT
    return credentials
