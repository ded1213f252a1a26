"""Webhook subscribers on real HTTP and Redis: one that hangs or fails costs only itself. Issue 13, item 17."""

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from streamseg.api.webhooks.dispatcher import Dispatcher
from streamseg.api.webhooks.messages import Change
from streamseg.api.webhooks.posting import posting
from streamseg.metrics import Metrics
from streamseg.ports import Subscriber, WebhookStore
from streamseg.store.redis.webhook_store import RedisWebhookStore
from tests.contracts.stores import connected
from tests.support.change_records import CRM, changed, removed

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

CUSTOMERS = 100
HANGING = 8
"""Their attempts are more than the 100 connections that aiohttp allows to begin with."""

Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def served(answer: Handler) -> AsyncIterator[str]:
    """Run a subscriber on this machine; yield its URL."""
    app = web.Application()
    app.router.add_post("/hook", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def dispatching(redis_url: str, *subscribers: Subscriber) -> AsyncIterator[tuple[WebhookStore, Dispatcher]]:
    """Run a dispatcher as `streamseg webhooks run` does, without its reader of changes."""
    async with connected(redis_url) as redis, posting() as post:
        store = RedisWebhookStore(redis)
        for subscriber in subscribers:
            await store.subscribe(subscriber)
        dispatcher = Dispatcher(store, post, Metrics(), time.time)
        running = asyncio.create_task(dispatcher.run())
        try:
            yield store, dispatcher
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def subscriber(name: str, url: str) -> Subscriber:
    return replace(CRM, id=name, url=url, allow_private=True)


async def test_hanging_and_failing_subscribers_do_not_touch_a_healthy_one(clean_redis: str) -> None:
    arrived: list[float] = []

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=500)

    async def take(_: web.Request) -> web.Response:
        arrived.append(time.monotonic())
        return web.Response(status=204)

    async with served(hang) as hanging, served(fail) as failing, served(take) as healthy:
        slow = [subscriber(f"hanging-{number}", hanging) for number in range(HANGING)]
        everybody = [*slow, subscriber("failing", failing), subscriber("healthy", healthy)]
        async with dispatching(clean_redis, *everybody) as (store, dispatcher):
            await asyncio.sleep(1.5)  # the lanes have begun
            await dispatcher.take_in([changed(f"c-{number}") for number in range(CUSTOMERS)])
            await asyncio.sleep(1.0)  # the hanging ones hold all of their attempts
            began = time.monotonic()
            await dispatcher.take_in([changed(f"d-{number}") for number in range(CUSTOMERS)])
            async with asyncio.timeout(8):
                while len(arrived) < 2 * CUSTOMERS:
                    await asyncio.sleep(0.01)
            took = time.monotonic() - began
            counts = await store.counts([each.id for each in everybody])
            await dispatcher.take_in([removed("c-1")])
            left = await store.of_customer(Change(removed("c-1")).customer, [each.id for each in slow])
    assert took < 5, "an attempt that hangs takes 10 s"
    assert counts["healthy"].waiting == 0
    assert counts["failing"].waiting == 2 * CUSTOMERS
    assert all(counts[each.id].waiting == 2 * CUSTOMERS for each in slow)
    assert [json.loads(each.body)["type"] for each in left] == ["membership.removed"] * HANGING


async def test_a_subscriber_that_is_gone_ends_and_one_that_is_busy_is_left_alone(clean_redis: str) -> None:
    calls: list[str] = []

    def answering(name: str, status: int, **headers: str) -> Handler:
        async def answer(_: web.Request) -> web.Response:
            calls.append(name)
            return web.Response(status=status, headers={key.replace("_", "-"): value for key, value in headers.items()})

        return answer

    async with (
        served(answering("gone", 410)) as gone,
        served(answering("busy", 429, Retry_After="3600")) as busy,
        dispatching(clean_redis, subscriber("gone", gone), subscriber("busy", busy)) as (store, dispatcher),
    ):
        await asyncio.sleep(1.5)
        await dispatcher.take_in([changed("c-1")])
        await asyncio.sleep(1.5)
        await dispatcher.take_in([changed("c-2")])
        await asyncio.sleep(1.5)
        ended = {each.id: each.ended for each in await store.subscribers()}
        counts = await store.counts(["gone", "busy"])
    assert sorted(calls) == ["busy", "gone"]
    assert ended == {"gone": "status 410", "busy": ""}
    assert (counts["gone"].waiting, counts["gone"].parked) == (0, 1)
    assert (counts["busy"].waiting, counts["busy"].parked) == (2, 0)


VERIFIER = """
const crypto = require("node:crypto");
const { secret, headers, body } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const key = Buffer.from(secret.slice("whsec_".length), "base64");
const text = Buffer.from(body, "base64").toString("utf8");
const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
const expected = Buffer.from(crypto.createHmac("sha256", key).update(signed).digest("base64"));
const given = headers["webhook-signature"].split(" ").map((each) => each.split(","));
const good = given.some(([version, signature]) =>
  version === "v1" && signature.length === expected.length
  && crypto.timingSafeEqual(Buffer.from(signature), expected));
const age = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"]));
process.stdout.write(JSON.stringify({ good: good && age < 300, data: JSON.parse(text).data }));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
async def test_a_verifier_in_another_language_accepts_a_real_delivery(clean_redis: str) -> None:
    got: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((await request.read(), {name.lower(): value for name, value in request.headers.items()}))
        return web.Response(status=204)

    async with served(take) as url, dispatching(clean_redis, subscriber("crm", url)) as (_, dispatcher):
        await dispatcher.take_in([changed("c-é€"), removed("c-82")])
        async with asyncio.timeout(10):
            while len(got) < 2:
                await asyncio.sleep(0.05)

    def verified(body: bytes, headers: dict[str, str]) -> dict[str, object]:
        given = {"secret": CRM.secret, "headers": headers, "body": base64.b64encode(body).decode()}
        run = subprocess.run(
            ["node", "-e", VERIFIER], input=json.dumps(given), capture_output=True, text=True, timeout=30, check=True
        )
        answer: dict[str, object] = json.loads(run.stdout)
        return answer

    for body, headers in got:
        assert verified(body, headers)["good"]
        assert not verified(body.replace(b"c-", b"d-"), headers)["good"]
    assert {verified(body, headers)["data"]["customer_id"] for body, headers in got} == {"c-é€", "c-82"}  # type: ignore[index]
