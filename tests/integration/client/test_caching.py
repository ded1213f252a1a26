"""The client caches no answer longer than it may."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from streamseg.client import AsyncReader, Reader, base_reader
from tests.support.api import put_membership
from tests.support.served_api import membership_of

pytestmark = pytest.mark.integration


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


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [Reader, AsyncReader])
async def test_attempts_to_listen_back_off(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 13, item 20: a store that refuses notices is asked less and less often."""
    monkeypatch.setattr(base_reader, "FIRST_RECONNECT_SECONDS", 0.02)
    monkeypatch.setattr(base_reader, "LAST_RECONNECT_SECONDS", 0.5)
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
