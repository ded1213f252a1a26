"""The client reads what the store wrote, and caches no answer longer than it may."""

import asyncio
import doctest
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from streamseg import client
from streamseg.client import AsyncReader, Reader
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
    names = vars(client) | {"url": clean_redis}
    examples = doctest.DocTestFinder().find(getattr(client, name), name, module=client, globs=names)
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
