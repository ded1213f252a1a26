"""The client reads what the store wrote, for any number of callers at the same time."""

import asyncio
import doctest
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
import redis

from streamseg import client
from streamseg.client import AsyncReader, Reader, cache, readers
from streamseg.client.base_reader import CONNECTIONS
from streamseg.embedded import RedisServer
from streamseg.membership.encoding import encode
from streamseg.membership.views import ads_view
from tests.support.api import put_membership
from tests.support.served_api import AS_OF, membership_of

pytestmark = pytest.mark.integration


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


@pytest.mark.asyncio
async def test_readers_tell_audiences_and_read_strings_of_before_there_were_any(
    clean_redis: str, store: redis.Redis
) -> None:
    membership = replace(membership_of("c-81", seq=2), audiences=("few", "win-back"))
    put_membership(store, membership)
    view = ads_view(encode(membership), lambda _: False, lambda audience: audience == "win-back")
    assert view is not None
    store.set("ssg:v1:a:c-81", view)
    with Reader(clean_redis) as reader, Reader(clean_redis, view="ads") as bidder:
        assert reader.audiences("c-81") == ("few", "win-back")
        assert reader.audiences("c-82") == reader.audiences("nobody") == ()
        assert (bidder.segments("c-81"), bidder.audiences("c-81")) == ((), ("win-back",))
    async with AsyncReader(clean_redis) as waiting:
        assert await waiting.audiences("c-81") == ("few", "win-back")


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
        assert len([each for each in store.client_list() if each["cmd"] == "mget"]) <= CONNECTIONS


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

    async def keep_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await asyncio.sleep(60)

    silent = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with AsyncReader(f"redis://127.0.0.1:{port}", timeout_seconds=60) as reader:
        reads = [asyncio.create_task(reader.one(f"c-{number}")) for number in range(5_000)]
        await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        ended = await asyncio.gather(*reads, return_exceptions=True)
    silent.close()
    assert all(isinstance(each, redis.ConnectionError) for each in ended)
