"""Every process works over TLS, with a login of its own and the least rights. Issue 15."""

import asyncio
import json
import os
import re
import subprocess
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from streamseg.api.reads.batched_reads import BatchedReads
from streamseg.embedded.child import free_port, listens
from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.kafka.topic_reader import TopicReader
from streamseg.store.key_names import MEMBERSHIP_PREFIX
from streamseg.store.redis import RedisMembershipStore
from streamseg.topics import CLICKS, ERASURES, MEMBERSHIPS, TOPICS
from streamseg.wiring.redis_clients import redis_client
from tests.support.certificates import Certificates, make_certificates
from tests.support.processes import STREAMSEG, members, run, settings_of, until
from tests.support.secured_servers import PASSWORD, SecuredKafka, SecuredRedis, documented_acls

pytestmark = pytest.mark.integration

GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}


class Secured:
    """The servers, and the settings of each process for them."""

    def __init__(self, kafka: SecuredKafka, redis: SecuredRedis, certificates: Certificates, folder: Path) -> None:
        self.kafka, self.redis, self.folder = kafka, redis, folder
        self._certificates = certificates
        self.client_certificate = certificates.client
        self.acls = documented_acls(folder)
        self.prepared = False
        self._fed = 0

    def feed(self) -> None:
        """Send what makes a worker use its rights: a new customer, a rejected record, an erasure of an older one."""
        self._fed += 1
        customer = f"fed-{self._fed}"
        body = {"event_id": f"e-{self._fed}", "customer_id": customer, "occurred_at": "2026-01-01T00:00:00Z"}
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random"})
        producer.produce(CLICKS, json.dumps(body | {"event_name": "view_item"}).encode(), customer.encode())
        producer.produce(CLICKS, b"no event", customer.encode())
        gone = body | {"customer_id": f"fed-{self._fed - 1}"}
        producer.produce(ERASURES, json.dumps(gone).encode(), gone["customer_id"].encode())
        assert producer.flush(10) == 0

    def environment(self, user: str) -> dict[str, str]:
        mine = self._certificates
        return {
            "STREAMSEG_CLOCK": "event",
            "STREAMSEG_KAFKA__BOOTSTRAP": f"127.0.0.1:{self.kafka.secured}",
            "STREAMSEG_KAFKA__PARTITIONS": "2",
            "STREAMSEG_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "STREAMSEG_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
            "STREAMSEG_KAFKA__SASL_USERNAME": f"streamseg-{user}",
            "STREAMSEG_KAFKA__SASL_PASSWORD": PASSWORD,
            "STREAMSEG_KAFKA__SSL_CA_FILE": str(mine.authority),
            "STREAMSEG_KAFKA__SSL_CERTIFICATE_FILE": str(mine.client),
            "STREAMSEG_KAFKA__SSL_KEY_FILE": str(mine.client_key),
            "STREAMSEG_REDIS__URL": self.redis.url,
            "STREAMSEG_REDIS__USERNAME": user,
            "STREAMSEG_REDIS__PASSWORD": PASSWORD,
            "STREAMSEG_REDIS__SSL_CA_FILE": str(mine.authority),
            "STREAMSEG_WORKER__METRICS_PORT": "0",
        }

    def prepare(self) -> None:
        """Make the topics, once."""
        if not self.prepared:
            run(self.environment("tools"), "topics", "create")
            self.prepared = True

    @contextmanager
    def without(self, resource: str, operation: str) -> Iterator[None]:
        """Take a right from the worker for as long as the block lasts."""
        self.prepare()
        wanted = resource, operation, "User:streamseg-worker"
        lacking = [one for one in self.acls if (one.name, one.operation.name, one.principal) == wanted]
        self.kafka.forbid(lacking)
        try:
            yield
        finally:
            self.kafka.allow(lacking)

    @contextmanager
    def process(self, user: str, *arguments: str) -> Iterator[Path]:
        """A process of the user for as long as the block lasts; yields its log."""
        log = self.folder / f"{user}.log"
        with log.open("wb") as stream:
            one = subprocess.Popen(
                [*STREAMSEG, *arguments], env=os.environ | self.environment(user), stdout=stream, stderr=stream
            )
        try:
            yield log
        finally:
            one.terminate()
            try:
                one.wait(20)
            finally:
                one.kill()
                one.wait()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Both servers, with our users and their rights."""
    folder = tmp_path_factory.mktemp("secured")
    certificates = make_certificates(folder)
    with ExitStack() as servers:
        kafka = servers.enter_context(SecuredKafka(certificates, folder))
        redis = servers.enter_context(SecuredRedis(certificates, folder))
        kafka.add_users()
        one = Secured(kafka, redis, certificates, folder)
        kafka.allow(one.acls)
        yield one


def test_every_process_works_over_tls_with_exactly_its_rights(secured: Secured) -> None:
    tools = secured.environment("tools")
    assert len(run(tools, "topics", "create")["created"]) == len(TOPICS)
    assert run(tools, "topics", "check")["differences"] == []
    key = run(tools, "keys", "create", "shop")["key"]
    run(tools, "webhooks", "add", "crm", "https://127.0.0.1:1/", "--allow-private")
    port = free_port()
    with (
        secured.process("worker", "worker") as worker_log,
        secured.process("webhooks", "webhooks", "run") as webhooks_log,
        secured.process("api", "api", "--port", str(port)) as api_log,
    ):
        plain = {"STREAMSEG_KAFKA__BOOTSTRAP": secured.kafka.bootstrap}
        until(lambda: bool(members(plain | {"STREAMSEG_KAFKA__GROUP": "streamseg-webhooks"})), "delivering")
        until(lambda: "worker is up" in worker_log.read_text(), "up")
        assert run(tools, "simulate", "--customers", "60", "--days", "30", "--wait")["events"] > 1_000
        until(lambda: "serving" in api_log.read_text(), "serving")
        assert ask(port, key, "/v1/events", posted())["status"] == "accepted"
        until(lambda: ask(port, key, "/v1/customers/posted/segments").get("seq") is not None, "known")
        (subscriber,) = run(tools, "webhooks", "list")["subscribers"]
        assert subscriber["waiting"] + subscriber["parked"] > 0, "the webhooks have read the changes"
        found = run(tools, "verify")
        assert found == found | GOOD
        until(lambda: bool(status(tools)["right"]), "right")
        for log in (worker_log, webhooks_log, api_log):
            assert not re.search("refuses|uthoriz|forbids|ERROR", log.read_text()), log.read_text()


def test_the_console_shows_live_events_and_sends_one_with_exactly_its_rights(secured: Secured) -> None:
    secured.prepare()
    key, port = run(secured.environment("tools"), "keys", "create", "ann", "--console", "editor")["key"], free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        secured.process("worker", "worker") as worker_log,
        secured.process("console", "console", "--port", str(port)) as log,
        httpx.Client(base_url=address, timeout=30, headers={"Origin": address}) as client,
    ):
        until(lambda: "worker is up" in worker_log.read_text(), "up")
        until(lambda: listens(port), "the console to listen")
        assert client.post("/login", data={"key": key}).status_code == 303
        page = client.get("/live").text
        (token, *_) = re.findall(r'name="token" value="([^"]+)"', page)
        form = {"token": token, "sample": "view", "customer": "me", "category": "", "value": ""}
        until(lambda: "Kafka does not answer" not in client.get("/live").text, "Kafka to answer")
        sent = client.post("/live/send", data=form)
        assert sent.headers["location"].startswith("/live/sent?id="), log.read_text()
        way = sent.headers["location"]
        until(lambda: client.get(way).text.count("done:") >= 2, "the event to be absorbed", 60)
        until(lambda: "view_item" in client.get("/live").text.partition("live_feed")[2], "the event on the page", 60)
        assert not re.search("refuses|uthoriz|forbids|ERROR", log.read_text()), log.read_text()


@asynccontextmanager
async def slow_handshakes(port: int, seconds: float) -> AsyncIterator[int]:
    """A port that passes on to another one; the first reply on each connection takes this much longer."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait: float) -> None:
        with suppress(OSError):
            while passed := await reader.read(65_536):
                await asyncio.sleep(wait)
                wait = 0.0
                writer.write(passed)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(pass_on(reader, far_writer, 0.0), pass_on(far_reader, writer, seconds))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.asyncio
async def test_a_connection_that_takes_longer_than_a_lookup_may_is_made_all_the_same(secured: Secured) -> None:
    redis = settings_of(secured.environment("api")).redis
    limit = 0.2
    async with slow_handshakes(secured.redis.port, 3 * limit) as port:
        address = redis.model_copy(update={"url": f"rediss://127.0.0.1:{port}", "timeout_seconds": limit})
        async with redis_client(address) as client:
            memberships = RedisMembershipStore(client, ttl_seconds=60, prefix=MEMBERSHIP_PREFIX)
            reads = BatchedReads(memberships.read, limit)
            with pytest.raises(StoreUnavailableError):
                await reads.one("nobody")
            await asyncio.sleep(4 * limit)
            assert await reads.one("nobody") is None


def worker_rights() -> list[tuple[str, str]]:
    """Resource and operation of each right of a worker, from the documented script."""
    with tempfile.TemporaryDirectory() as folder:
        mine = [one for one in documented_acls(Path(folder)) if one.principal == "User:streamseg-worker"]
    return [(one.name, one.operation.name) for one in mine]


AT_A_TAKEOVER = [("streamseg-reader", "DESCRIBE"), ("streamseg.memberships", "READ")]
"""A worker needs them when it follows another one."""


@pytest.mark.parametrize(("resource", "operation"), [one for one in worker_rights() if one not in AT_A_TAKEOVER])
def test_a_worker_names_the_right_that_it_lacks(secured: Secured, resource: str, operation: str) -> None:
    with secured.without(resource, operation):
        secured.feed()
        with secured.process("worker", "worker") as log:
            for _ in range(4):
                secured.feed()
                with suppress(AssertionError):
                    until(lambda: resource in complaints(log), f"complaining of {resource}", 8.0)
                    break
            assert resource in complaints(log), log.read_text()


@pytest.mark.parametrize(("resource", "operation"), AT_A_TAKEOVER)
def test_reading_the_changes_of_a_former_owner_names_the_right_that_it_lacks(
    secured: Secured, resource: str, operation: str
) -> None:
    assert (resource, operation) in worker_rights()
    settings = settings_of(secured.environment("worker"))

    async def read() -> int:
        reader = TopicReader(settings.kafka)
        try:
            _, end = await reader.bounds(MEMBERSHIPS, 0)
            return sum([len(records) async for records in reader.read(MEMBERSHIPS, 0, end - 1, end)])
        finally:
            await reader.close()

    with secured.without(resource, operation):
        producer = Producer({"bootstrap.servers": secured.kafka.bootstrap})
        producer.produce(MEMBERSHIPS, None, b"fed-0", partition=0)
        assert producer.flush(10) == 0
        with pytest.raises(StreamsegError, match=resource):
            asyncio.run(read())
    assert asyncio.run(read()) == 1


WRONG: list[tuple[dict[str, str], str, int]] = [
    ({"STREAMSEG_KAFKA__SASL_PASSWORD": "wrong"}, "invalid credentials", 2),
    ({"STREAMSEG_KAFKA__SSL_CA_FILE": "CLIENT"}, "certificate verify failed", 2),
    ({"STREAMSEG_REDIS__PASSWORD": "wrong"}, "Redis refuses us: invalid username-password pair", 2),
    ({"STREAMSEG_REDIS__SSL_CA_FILE": "CLIENT"}, "certificate verify failed", 3),
]


@pytest.mark.parametrize(("wrong", "says", "code"), WRONG)
def test_a_wrong_login_or_authority_is_named(secured: Secured, wrong: dict[str, str], says: str, code: int) -> None:
    secured.prepare()
    files = {"CLIENT": str(secured.client_certificate)}
    environment = secured.environment("worker") | {name: files.get(value, value) for name, value in wrong.items()}
    done = subprocess.run(
        [*STREAMSEG, "worker"], env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("streamseg: ")
    assert says in last, done.stderr
    assert done.returncode == code, done.stderr


def complaints(log: Path) -> str:
    """The warnings and errors of a log, and the line of an error that ended the process."""
    lines = log.read_text().splitlines()
    return "\n".join(one for one in lines if re.search("WARNING|ERROR|^streamseg: ", one))


def status(environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [*STREAMSEG, "status", "--json"], env=os.environ | environment, capture_output=True, check=False, timeout=60
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def posted() -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    event = {"event_id": "posted", "customer_id": "posted", "occurred_at": at, "event_name": "view_item"}
    return {"kind": "click", "event": event}


def ask(port: int, key: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told
