"""The client reads what the store wrote, and caches no answer longer than it may."""

import asyncio
import doctest
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from streamseg import client
from streamseg.client import AsyncReader, Reader, cache, readers
from streamseg.embedded import RedisServer
from streamseg.embedded.child import ServerError
from streamseg.membership.encoding import encode
from streamseg.membership.views import ads_view
from tests.support.api import put_membership
from tests.support.served_api import AS_OF, membership_of

pytestmark = pytest.mark.integration


@pytest.fixture
def store(clean_redis: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(clean_redis) as client:
        put_membership(client, membership_of("c-81"))
        put_membership(client, membership_of("c-82", None))
        yield client


def test_memberships_are_read_singly_and_together(clean_redis: str, store: redis.Redis) -> None:
    with Reader(clean_redis) as reader:
        assert reader.segments("c-81") == ("behaviour-k7q2",)
        found = reader.many(["c-82", "c-81", "nobody", "c-81"])
    assert set(found) == {"c-81", "c-82", "nobody"}
    assert (found["c-81"].as_of, found["c-81"].known) == (AS_OF, True)
    assert (found["c-82"].segments, found["c-82"].known) == ((), True)
    assert (found["nobody"].segments, found["nobody"].known) == ((), False)


def test_a_reader_of_the_ads_view_sees_nothing_else(clean_redis: str, store: redis.Redis) -> None:
    put_ads_view(store, "c-81")
    with Reader(clean_redis, view="ads") as reader:
        assert reader.segments("c-81") == ("behaviour-k7q2",)
        assert reader.one("c-82").known is False


@pytest.mark.parametrize("name", ["Answer", "Reader", "AsyncReader"])
def test_the_examples_in_the_docstrings_run(clean_redis: str, store: redis.Redis, name: str) -> None:
    put_ads_view(store, "c-81")
    names = vars(readers) | {"url": clean_redis}
    module = cache if name == "Answer" else readers
    examples = doctest.DocTestFinder().find(getattr(client, name), name, module=module, globs=names)
    runner = doctest.DocTestRunner()
    results = [runner.run(example) for example in examples if example.examples]
    assert results
    assert not any(result.failed for result in results)


def put_ads_view(store: redis.Redis, customer_id: str) -> None:
    view = ads_view(encode(membership_of(customer_id)), lambda _: True)
    assert view is not None
    store.set(f"ssg:v1:a:{customer_id}", view)


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_cached_answer_is_dropped_at_a_notice(clean_redis: str, store: redis.Redis) -> None:
    with (
        Reader(clean_redis, cache_seconds=60, notices=True) as reader,
        Reader(clean_redis, cache_seconds=60) as without_notices,
    ):
        until(lambda: store.pubsub_numpat() == 1)
        assert reader.segments("c-81") == without_notices.segments("c-81") == ("behaviour-k7q2",)
        put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=2))
        until(lambda: reader.segments("c-81") == ("behaviour-m3xw",))
        assert without_notices.segments("c-81") == ("behaviour-k7q2",)


def test_a_cached_answer_expires(clean_redis: str, store: redis.Redis) -> None:
    with Reader(clean_redis, cache_seconds=0.2) as reader:
        assert reader.segments("c-81") == ("behaviour-k7q2",)
        put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=2))
        assert reader.segments("c-81") == ("behaviour-k7q2",)
        time.sleep(0.25)
        assert reader.segments("c-81") == ("behaviour-m3xw",)


@pytest.mark.asyncio
async def test_the_asyncio_reader_reads_the_same(clean_redis: str, store: redis.Redis) -> None:
    async with AsyncReader(clean_redis, cache_seconds=60, notices=True, timeout_seconds=1) as reader:
        while store.pubsub_numpat() != 1:
            await asyncio.sleep(0.01)
        assert await reader.segments("c-81") == ("behaviour-k7q2",)
        assert set(await reader.many(["c-81", "nobody"])) == {"c-81", "nobody"}
        put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=2))
        async with asyncio.timeout(2):
            while await reader.segments("c-81") != ("behaviour-m3xw",):
                await asyncio.sleep(0.01)


def test_the_documented_acl_permits_reading_and_nothing_else(
    clean_redis: str, store: redis.Redis, acl_users: dict[str, Any]
) -> None:
    for name, view in (("bidder", "ads"), ("service", "membership")):
        url = clean_redis.replace("redis://", f"redis://{name}:{acl_users[name]}@")
        with Reader(url, view=view) as reader:  # type: ignore[arg-type]  # one of the two
            reader.one("c-81")
        with redis.Redis.from_url(url) as client:
            for forbidden in (
                ["GET", "ssg:v1:m:c-81" if name == "bidder" else "ssg:v1:a:c-81"],
                ["SET", "ssg:v1:a:c-81", "forged"],
                ["KEYS", "*"],
                ["HGETALL", "ssg:v1:keys"],
                ["PUBLISH", "ssg:v1:m:c-81", ""],
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    execute(client, *forbidden)


def execute(client: redis.Redis, *command: str) -> Any:
    return client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types for it


@pytest.fixture
def acl_users(store: redis.Redis) -> Iterator[dict[str, str]]:
    """The users of deploy/redis/readers.acl, on the test's server."""
    users = {}
    for line in Path("deploy/redis/readers.acl").read_text().splitlines():
        if line.startswith("user "):
            _, name, *rules = line.split()
            users[name] = "secret"
            execute(store, "ACL", "SETUSER", name, "reset", ">secret", *(rule for rule in rules if rule[0] != "#"))
    yield users
    for name in users:
        execute(store, "ACL", "DELUSER", name)


ACL = Path("deploy/redis/readers.acl")


def test_the_shipped_acl_opens_to_nobody(store: redis.Redis) -> None:
    """Issue 13, item 24: it had the hash of the empty password."""
    for line in ACL.read_text().splitlines():
        if line.startswith("user "):
            _, name, *rules = line.split()
            with pytest.raises(redis.exceptions.ResponseError, match="Error in ACL SETUSER"):
                execute(store, "ACL", "SETUSER", name, "reset", *rules)
            execute(store, "ACL", "DELUSER", name)


@pytest.mark.parametrize("lines", ["all", "users"])
def test_a_redis_with_the_shipped_acl_does_not_start_before_it_has_passwords(
    start_redis_server: Callable[..., RedisServer], tmp_path: Path, lines: str
) -> None:
    """Issue 13, item 24."""
    text = ACL.read_text()
    if lines == "users":
        text = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("user "))
    (tmp_path / "users.acl").write_text(text)
    with pytest.raises(ServerError, match="Aborting Redis startup because of ACL errors"):
        start_redis_server("--aclfile", str(tmp_path / "users.acl"))


@pytest.mark.parametrize("name", ["bidder", "service"])
def test_with_a_line_made_as_documented_only_its_password_opens(
    start_redis_server: Callable[..., RedisServer], tmp_path: Path, name: str
) -> None:
    """Issue 13, item 24: AUTH with an empty password fails."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    shutil.copy(ACL, tmp_path)
    steps = re.findall(r"^#     (.*)$", ACL.read_text(), re.MULTILINE)
    script = "\n".join(steps).replace("user bidder ", f"user {name} ")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    password, users = done.stdout.strip(), tmp_path / "users.acl"
    with users.open("a") as file:
        file.write("user default on nopass ~* &* +@all\n")
    with redis.Redis.from_url(start_redis_server("--aclfile", str(users)).url) as client:
        assert execute(client, "AUTH", name, password) in (True, b"OK")
        for guess in ("", "SHA-256-OF-THE-PASSWORD", "readers"):
            with pytest.raises(redis.exceptions.AuthenticationError):
                execute(client, "AUTH", name, guess)


def test_an_answer_that_changes_while_it_is_read_is_not_cached(clean_redis: str, store: redis.Redis) -> None:
    with Reader(clean_redis, cache_seconds=60, notices=True) as reader:
        until(lambda: store.pubsub_numpat() == 1)
        read: Any = reader._redis.mget

        def overtaken(names: list[str]) -> Any:
            found = read(names)
            put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=2))
            time.sleep(0.3)  # the notice arrives before the answer
            return found

        reader._redis.mget = overtaken
        assert reader.segments("c-81") == ("behaviour-k7q2",)
        reader._redis.mget = read
        assert reader.segments("c-81") == ("behaviour-m3xw",)


MANY = 5_000


@pytest.mark.asyncio
async def test_the_asyncio_reader_answers_any_number_of_concurrent_reads(clean_redis: str, store: redis.Redis) -> None:
    """Issue 13, item 20."""
    async with AsyncReader(clean_redis, timeout_seconds=1) as reader:
        singles = [reader.segments("c-81") for _ in range(MANY)]
        together = [reader.many(["c-81", "c-82", f"nobody-{number}"]) for number in range(MANY)]
        found = await asyncio.gather(*singles, *together)
        assert found[:MANY] == [("behaviour-k7q2",)] * MANY
        assert all(len(each) == 3 and each["c-81"].known for each in found[MANY:])  # type: ignore[index]  # the two kinds
        large = await reader.many([*(f"nobody-{number}" for number in range(3_000)), "c-81"])
        assert (len(large), large["c-81"].known) == (3_001, True)
        assert len([each for each in store.client_list() if each["cmd"] == "mget"]) <= readers.READS_AT_ONCE


def test_the_reader_answers_any_number_of_threads(clean_redis: str, store: redis.Redis) -> None:
    """Issue 13, item 20."""
    at_once = threading.Barrier(300)
    with Reader(clean_redis, timeout_seconds=10) as reader, ThreadPoolExecutor(300) as threads:

        def read(_: int) -> tuple[str, ...]:
            at_once.wait(30)
            return reader.segments("c-81")

        assert set(threads.map(read, range(300))) == {("behaviour-k7q2",)}
        assert len([each for each in store.client_list() if each["cmd"] == "mget"]) <= readers.CONNECTIONS


@pytest.mark.asyncio
async def test_reads_of_a_store_that_is_away_fail_and_those_after_it_is_back_do_not(
    start_redis_server: Callable[..., RedisServer],
) -> None:
    """Issue 13, item 20."""
    server = start_redis_server()
    with Reader(server.url) as reader:
        async with AsyncReader(server.url) as other:
            assert not (await other.one("c-81")).known
            assert not reader.one("c-81").known
            server.kill()
            with pytest.raises(redis.RedisError):
                reader.one("c-81")
            failed = await asyncio.gather(*(other.one("c-81") for _ in range(1_000)), return_exceptions=True)
            assert all(isinstance(each, redis.RedisError) for each in failed)
            server.start()
            assert not (await other.one("c-81")).known
            assert not reader.one("c-81").known


@pytest.mark.asyncio
async def test_closing_the_asyncio_reader_ends_its_reads() -> None:
    """Issue 13, item 20."""
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with AsyncReader(f"redis://127.0.0.1:{port}", timeout_seconds=60) as reader:
        reads = [asyncio.create_task(reader.one(f"c-{number}")) for number in range(5_000)]
        await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        ended = await asyncio.gather(*reads, return_exceptions=True)
    silent.close()
    assert all(isinstance(each, redis.ConnectionError) for each in ended)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [Reader, AsyncReader])
async def test_attempts_to_listen_back_off(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 13, item 20: a store that refuses notices is asked less and less often."""
    monkeypatch.setattr(readers, "FIRST_RECONNECT_SECONDS", 0.02)
    monkeypatch.setattr(readers, "LAST_RECONNECT_SECONDS", 0.5)
    attempts: list[float] = []

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(time.monotonic())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    if kind is Reader:
        with Reader(url, cache_seconds=60, notices=True):
            await asyncio.sleep(3)
    else:
        async with AsyncReader(url, cache_seconds=60, notices=True):
            await asyncio.sleep(3)
    server.close()
    assert 8 <= len(attempts) <= 40  # every 20 ms it would be 150
    assert attempts[-1] - attempts[-3] > 0.25
