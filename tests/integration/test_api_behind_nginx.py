"""Issue 13, items 18 and 19: the API behind a real proxy that keeps connections to it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from streamseg.embedded.child import free_port
from tests.support.api import ApiProcess, put_membership, run_command
from tests.support.nginx import nginx
from tests.support.served_api import membership_of, segment_entry

pytestmark = pytest.mark.integration

BULK = "/ofrep/v1/evaluate/flags"
CONTEXT = {"context": {"targetingKey": "c-81"}}


@pytest.fixture
def client(clean_redis: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client with a secret key, of an API below a path behind nginx."""
    made = run_command("keys", "create", "shop", "--json", environment={"STREAMSEG_REDIS__URL": clean_redis})
    key = json.loads(made.stdout)["key"]
    port = free_port()
    with redis.Redis.from_url(clean_redis) as store:
        store.hset("ssg:v1:catalogue", "behaviour-k7q2", segment_entry("Daily Athletes"))
        put_membership(store, membership_of("c-81"))
        with (
            ApiProcess(clean_redis, STREAMSEG_API__PUBLIC_URL=f"http://127.0.0.1:{port}/segments") as api,
            nginx(tmp_path / "nginx", port, api.address, "/segments") as address,
            httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=5) as client,
        ):
            yield client


def test_head_on_a_stream_leaves_the_proxys_connection_usable(client: httpx.Client) -> None:
    stream = client.post(BULK, json=CONTEXT).json()["eventStreams"][0]["url"]
    assert stream.startswith(f"{client.base_url}v1/streams/")
    for _ in range(3):
        head = client.head(stream)
        assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        started = time.monotonic()
        assert client.get("/v1/customers/c-81/segments").json()["customer_id"] == "c-81"
        assert time.monotonic() - started < 1
    assert "streamseg_api_streams 0.0" in client.get("/metrics").text


def test_a_change_passes_the_proxy_at_once(client: httpx.Client, clean_redis: str) -> None:
    stream = client.post(BULK, json=CONTEXT).json()["eventStreams"][0]["url"]
    with client.stream("GET", stream) as following:
        pieces = following.iter_text()
        assert next(pieces).startswith("retry: ")
        with redis.Redis.from_url(clean_redis) as store:
            put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=2))
        started = time.monotonic()
        assert "refetchEvaluation" in next(pieces)
        assert time.monotonic() - started < 1


def test_a_trailing_slash_and_an_upgrade_offer_behind_the_proxy(client: httpx.Client) -> None:
    slash = client.get("/v1/segments/")
    assert (slash.status_code, slash.headers.get("location")) == (404, None)
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABk"}
    answer = client.post("/v1/segments:batchGet", json={"ids": ["c-81"]}, headers=offer)
    assert answer.json()["customers"][0]["customer_id"] == "c-81"
