"""Each process works with exactly the rights of deploy/redis/processes.acl, and names what it lacks. Issue 15."""

import asyncio
import logging
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import redis
from typing_extensions import override

from streamseg.audiences.lists.content import ListContent
from streamseg.audiences.lists.list_files import ReadList
from streamseg.embedded import RedisServer
from streamseg.errors import SettingsError, StoreLoginError, StoreUnavailableError
from streamseg.membership.types import OutboxEntry
from streamseg.ports import AuditEntry, Closed, Delivery, Flows, Flush, Subscriber, WorkerReport
from streamseg.service.lists import described, drop_list, upload
from streamseg.store.ads_mirror import AdsMirror
from streamseg.store.key_names import ADS_PREFIX, CONSOLE_KEYS
from streamseg.store.redis import RedisMembershipStore, RedisModelStore, RedisStateStore
from streamseg.store.redis.api_key_store import RedisApiKeyStore
from streamseg.store.redis.audit_log import RedisAuditLog
from streamseg.store.redis.change_notices import RedisChangeNotices
from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.connection import Client
from streamseg.store.redis.ticket_store import RedisTicketStore
from streamseg.store.redis.webhook_store import RedisWebhookStore
from streamseg.store.redis.worker_reports import RedisWorkerReports
from tests.contracts.memberships import written
from tests.contracts.stores import connected
from tests.support.acl_file import ROOT, users

pytestmark = pytest.mark.integration

FILE = ROOT / "deploy/redis/processes.acl"
USERS = users("processes.acl")
SECRET = "right"
NOW_MS = 1_795_415_000_123


async def as_worker(client: Client) -> None:
    """Every call of a worker and the trainer."""
    state, models = RedisStateStore(client), RedisModelStore(client)
    views = RedisMembershipStore(client, ttl_seconds=60, prefix=ADS_PREFIX)
    memberships = AdsMirror(RedisMembershipStore(client, ttl_seconds=60), views, models, 1)
    await state.check()
    await state.layouts()
    await state.remember_layout("layout", b"{}")
    claimed = await state.claim(0, "w", "layout", NOW_MS)
    await state.set_topics(0, "w", {"streamseg.clicks": ("id", 1)})
    await state.metadata(0)
    rows: list[tuple[str, bytes | None]] = [("c-1", b"row"), ("c-2", None)]
    day = Flows(20_785, {(None, "behaviour-aaaa"): 1})
    due = [("c-1", 1.0), ("c-2", math.inf)]
    position = await state.flush(
        0, Flush("w", claimed.flush_number, rows, [written("c-1", 1)], {"streamseg.clicks": 1}, {"a": 1}, day, due)
    )
    assert position is not None
    assert await state.due(0, 2.0, 10) == ["c-1"]
    await state.load(0, ["c-1"])
    await state.scan(0, 0, 10)
    await state.outbox(0)
    await state.outbox_flushes(0)
    await state.memory()
    await memberships.note_probe(0, 1.0)
    await state.trim_outbox(0, position)
    await state.note_delivered(0, position, await memberships.server_runs())
    await state.delivered(0)
    await memberships.write([written("c-1", 1), written("c-2", 1)])
    await views.write([OutboxEntry("c-9", 7, 1, b"{}")])
    await memberships.write([OutboxEntry("c-2", 7, 2, None)])
    await memberships.read(["c-1"])
    await memberships.deletions(["c-1"])
    await models.publish("behaviour", 1, 0, b"{}")
    await models.versions(["behaviour"])
    await models.snapshot("behaviour")
    for read in (models.names, models.promoted, models.dropped, models.rfm, models.catalogue, models.declared):
        await read()
    assert await models.declared_generation() == 0
    assert await models.read_list("a.1.x") is None
    assert await models.lookalikes_version() == 0
    assert await models.publish_lookalikes(1, 0, b"{}")
    await models.lookalikes()
    await models.write_rfm(b"{}")
    await models.write_customer_map("behaviour", b"{}")
    await models.customer_map("behaviour")
    await models.remove_customer_maps(["left"])
    await models.write_catalogue({"behaviour-aaaa": b"{}"})
    await models.remove_from_catalogue(["behaviour-bbbb"])
    await RedisWorkerReports(client).put(WorkerReport("w", "0", 0.0, 0.0, False, (), ()), 60)


async def as_api(client: Client) -> None:
    """Every call of the API."""
    state, models, tickets = RedisStateStore(client), RedisModelStore(client), RedisTicketStore(client)
    for prefix in ("ssg:v1:m:", ADS_PREFIX):
        await RedisMembershipStore(client, ttl_seconds=60, prefix=prefix).read(["c-1"])
    await RedisMembershipStore(client, ttl_seconds=60).probes()
    await RedisApiKeyStore(client).all()
    await models.catalogue()
    await models.declared()
    await models.snapshot("behaviour")
    await models.rfm()
    await state.layouts()
    await state.metadata(0)
    await state.load(0, ["c-1"])
    await state.scan(0, 0, 10)
    await models.audience_sizes()
    await models.lookalikes()
    await models.lookalikes_version()
    await models.read_list("a.1.x")
    await tickets.redeem(await tickets.issue("c-1", 60))
    await heard(client)


async def as_console(client: Client) -> None:
    """Every call of the console."""
    state, models = RedisStateStore(client), RedisModelStore(client)
    await RedisMembershipStore(client, ttl_seconds=60).read(["c-1"])
    await RedisApiKeyStore(client, CONSOLE_KEYS).all()
    await RedisAuditLog(client).append(AuditEntry(1.0, "ann", "key-1", "editor", "rename", "behaviour-aaaa", None, "x"))
    assert len(await RedisAuditLog(client).latest(10)) == 1
    for ask in (models.catalogue, models.declared, models.rfm, state.layouts):
        await ask()
    await models.snapshot("behaviour")
    await models.read_list("newsletter")
    await models.lookalikes()
    await models.customer_map("behaviour")
    await models.promote("worth", 1)
    assert await models.promoted() == {"worth": 1}
    await models.dropped()
    read = ReadList(ListContent.of([1], []), kinds=("id",))
    for _ in range(2):
        await upload(models, described("vip", read, None), read.content)
    await models.rename("behaviour-aaaa", "Name")
    await models.rename("behaviour-aaaa", None)
    for note in (b"{}", None):
        await models.write_note("behaviour-aaaa", note)
    assert await models.notes() == {}
    await models.write_catalogue({"behaviour-aaaa": b"{}"})
    await state.metadata(0)
    await state.flows(0)
    await state.load(0, ["c-1"])
    await state.scan(0, 0, 10)
    await RedisWorkerReports(client).read(["w"])


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def heard(client: Client) -> None:
    """Watch a customer, as an event stream does. Raises `StoreLoginError` with what the listener logs."""
    handler = Lines()
    lines = handler.lines
    logger = logging.getLogger("streamseg.store.redis.change_notices")
    logger.addHandler(handler)
    assert not isinstance(client, Cluster)
    options = client.connection_pool.connection_kwargs
    with redis.Redis(host=options["host"], port=options["port"]) as admin:
        notices = RedisChangeNotices(client, silence_seconds=0.02)
        try:
            async with asyncio.timeout(10), notices.listening():
                async with notices.watch("c-1"):
                    while not lines and b"ssg:v1:m:c-1" not in admin.pubsub_channels():
                        await asyncio.sleep(0.01)
                    while not lines and not any("ping" in one["cmd"] for one in admin.client_list()):
                        await asyncio.sleep(0.005)
                while not lines and b"ssg:v1:m:c-1" in admin.pubsub_channels():
                    await asyncio.sleep(0.01)
        finally:
            logger.removeHandler(handler)
    if lines:
        raise StoreLoginError(f"Redis refuses us: {lines[0]}")


async def as_webhooks(client: Client) -> None:
    """Every call of `streamseg webhooks run`."""
    store = RedisWebhookStore(client)
    subscriber = Subscriber("crm", "https://shop.example", "whsec_x", (), "shop", allow_private=False)
    await store.subscribe(subscriber)
    first, second = (Delivery("crm", f"h-{n}", "{}") for n in range(2))
    await store.enqueue([first, second], 1.0, 1)
    await store.enqueue([first], 1.0, 10)
    await store.subscribers()
    await store.of_customer("h", ["crm"])
    await store.closed(["h"])
    await store.close("h", Closed())
    for taken in await store.take("crm", 2.0, 1.0, 5):
        await store.retry(taken, 1.0)
        await store.park(taken, 1.0)
        await store.unpark(taken.id, 1.0)
        await store.park(taken, 1.0)
        await store.end_parked([taken.subscriber], 2.0)
        await store.done(taken)
    await store.forget("h", ["crm"], "")
    await store.counts(["crm"])
    await store.end(subscriber, "gone")
    models = RedisModelStore(client)
    await models.declared()
    await models.audience_sizes()


WORK: dict[str, Callable[[Client], Awaitable[None]]] = {
    "worker": as_worker,
    "api": as_api,
    "console": as_console,
    "webhooks": as_webhooks,
}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@asynccontextmanager
async def client_of(server: RedisServer, user: str, rules: list[str]) -> AsyncIterator[Client]:
    with redis.Redis.from_url(server.url) as admin:
        admin.flushall()
        admin.script_flush()
        admin.execute_command("ACL", "SETUSER", user, "reset", "on", f">{SECRET}", *rules)
        admin.execute_command("SET", "ssg:v1:a:c-2", "{}")
    async with connected(server.url, username=user, password=SECRET) as client:
        yield client


def cases() -> Iterator[tuple[str, str]]:
    for user in WORK:
        yield from ((user, rule) for rule in USERS[user] if rule[0] in "+~&%")


@pytest.mark.parametrize("user", WORK)
def test_each_process_works_with_its_rights(server: RedisServer, user: str) -> None:
    async def go() -> None:
        async with client_of(server, user, USERS[user]) as client:
            await WORK[user](client)

    asyncio.run(go())


def test_an_api_declares_audiences_with_the_selector_that_the_file_names_and_not_without(server: RedisServer) -> None:
    (named,) = re.findall(r"over HTTP, add `([^`]+)`", FILE.read_text())
    selectors = re.findall(r"\([^)]+\)", named)

    async def go(rules: list[str]) -> bool:
        async with client_of(server, "api", rules) as client:
            await RedisAuditLog(client).append(AuditEntry(1.0, "crm", "key-1", "api", "drop audience", "vip", {}, None))
            return await RedisModelStore(client).declare(1, 0, b"{}")

    assert asyncio.run(go([*USERS["api"], *selectors]))
    for lacking in selectors:
        with pytest.raises(StoreLoginError):
            asyncio.run(go([*USERS["api"], *(one for one in selectors if one != lacking)]))


@pytest.mark.parametrize(("user", "right"), list(cases()))
def test_each_right_is_needed_and_its_lack_is_named(server: RedisServer, user: str, right: str) -> None:
    async def go() -> str:
        async with client_of(server, user, [rule for rule in USERS[user] if rule != right]) as client:
            with pytest.raises((StoreLoginError, SettingsError)) as refused:
                await WORK[user](client)
        return str(refused.value)

    said = asyncio.run(go())
    assert "\n" not in said
    assert said.startswith("Redis refuses us: ")
    channel = right[0] == "&" and ("channels" in said or "PUBLISH" in said)
    command = right[0] == "+" and re.search(rf"\b{re.escape(right[1:])}\b", said, re.IGNORECASE)
    key = right[0] in "~%" and right.partition("~")[2] in said
    assert channel or command or key, said
    assert "c-1" not in said


def test_tools_may_do_what_every_process_may_but_listen() -> None:
    commands = {rule for user in WORK for rule in USERS[user] if rule[0] == "+"}
    mine = {rule for rule in USERS["tools"] if rule[0] == "+"}
    assert commands - mine <= {"+ping", "+subscribe", "+unsubscribe", "+xlen", "+xtrim"} | {
        f"+z{name}" for name in ("rangebyscore", "rangebylex", "popmin", "unionstore")
    } | {"+hlen"}
    assert not {"+flushall", "+flushdb", "+config", "+keys", "+shutdown", "+acl", "+@all", "+debug"} & mine


def test_tools_may_upload_replace_and_drop_lists(server: RedisServer) -> None:
    async def go() -> None:
        async with client_of(server, "tools", USERS["tools"]) as client:
            models, read = RedisModelStore(client), ReadList(ListContent.of([1], []), kinds=("id",))
            for _ in range(2):
                await upload(models, described("vip", read, None), read.content)
            await drop_list(models, "vip")
            assert await models.list_names() == set()

    asyncio.run(go())


def in_a_cluster() -> list[str]:
    """The further rights that the file names for a Cluster."""
    (named,) = re.findall(r"In a Cluster every process also needs `([^`]+)`", FILE.read_text().replace("\n# ", " "))
    return str(named).split()


async def work_in_a_cluster(url: str, rules: list[str]) -> None:
    async with connected(url) as admin:
        assert isinstance(admin, Cluster)
        for node in await admin.primaries():
            await node.flushall()
            await node.script_flush()
            await node.execute_command("ACL", "SETUSER", "worker", "reset", "on", f">{SECRET}", *rules)
    async with connected(url, username="worker", password=SECRET) as client:
        await as_worker(client)


def test_a_worker_works_in_a_cluster_with_what_the_file_adds(cluster_url: str) -> None:
    asyncio.run(work_in_a_cluster(cluster_url, [*USERS["worker"], *in_a_cluster()]))


@pytest.mark.parametrize("right", in_a_cluster())
def test_each_further_right_is_needed_in_a_cluster(cluster_url: str, right: str) -> None:
    rest = [one for one in in_a_cluster() if one != right]
    with pytest.raises((StoreUnavailableError, SettingsError)):
        asyncio.run(work_in_a_cluster(cluster_url, [*USERS["worker"], *rest]))
