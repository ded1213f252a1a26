"""Every query of every dashboard has data, in a real Prometheus over a worker and an API under load."""

import itertools
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from streamseg.embedded import RedisServer
from streamseg.embedded.child import free_port
from streamseg.metrics.dashboards import DASHBOARDS
from streamseg.topics import CLICKS
from tests.support.api import ApiProcess
from tests.support.browser import make_key
from tests.support.processes import run, until, worker
from tests.support.prometheus import Prometheus

pytestmark = pytest.mark.integration

EMPTY = {
    ("Webhooks", "{{outcome}}"): "no process delivers webhooks",
    ("Webhook queues", "{{subscriber}} {{state}}"): "no process delivers webhooks",
    ("API keys expire", "{{name}}"): "the key of the test has no end",
    ("Store errors", "{{operation}}"): "the store answers",
    ("Resets", "partition {{partition}}"): "nothing is in doubt",
    ("Open transactions", "{{topic}}"): "no producer uses transactions",
    ("Late and missed", "missed"): "retention has removed nothing",
}
"""Queries that are rightly empty, by panel and legend."""

QUICK = json.dumps(
    {
        "value": {
            "pack": "value",
            "learn_interval_seconds": 2,
            "challenge_interval_seconds": 10,
            "warm_up_per_cluster": 5,
            "warm_up_events": 1,
        }
    }
)
"""A segmentation that learns within seconds of wall time."""

QUERIES = {
    (page.name, panel.title, legend): expression.replace("$__rate_interval", "20s").replace("$segmentation", ".*")
    for page in DASHBOARDS
    for panel in page.panels
    for expression, legend in panel.queries
}


@contextmanager
def load(api: str, key: str) -> Iterator[None]:
    """Lookups, and events of which some are sent twice or adjusted, until the context ends."""
    ended, failures = threading.Event(), list[Exception]()

    def go() -> None:
        try:
            with httpx.Client(base_url=api, headers={"Authorization": f"Bearer {key}"}) as client:
                for number in itertools.count():
                    if ended.wait(0.05):
                        return
                    customer = f"fg-{number % 200:06}"
                    event = {
                        "event_id": f"load-{number // 2}",
                        "customer_id": customer if number % 2 else f"fg-{(number + 1) % 200:06}",
                        "occurred_at": datetime.now(UTC).isoformat(),
                        "event_name": "view_item",
                        "items": [{"item_id": "i-1", "price": "20" if number % 3 else -1}],
                    }
                    client.post("/v1/events", json={"kind": "click", "event": event})
                    client.get(f"/v1/customers/{customer}/segments")
                    client.get("/v1/customers/nobody/segments")
                    client.post("/v1/segments:batchGet", json={"ids": [customer, "nobody"]})
        except Exception as error:  # noqa: BLE001  shown by the test
            failures.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failures


def test_every_query_of_every_panel_has_data(
    kafka_topics: str, start_redis_server: Callable[..., RedisServer], group: str, tmp_path: Path
) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    url, port = start_redis_server("--maxmemory", "512mb").url, free_port()
    environment = {
        "STREAMSEG_KAFKA__BOOTSTRAP": kafka_topics,
        "STREAMSEG_KAFKA__GROUP": group,
        "STREAMSEG_REDIS__URL": url,
        "STREAMSEG_WORKER__METRICS_PORT": str(port),
        "STREAMSEG_WORKER__PROBE_INTERVAL_SECONDS": "1",
        "STREAMSEG_MEMBERSHIP__BOUND_SECONDS": "20",
        "STREAMSEG_SEGMENTATIONS": QUICK,
    }
    with ExitStack() as stack:
        stack.enter_context(worker(environment, tmp_path / "worker.log"))
        api = stack.enter_context(ApiProcess(url, **environment))
        targets = {"streamseg-worker": f"127.0.0.1:{port}", "streamseg-api": api.address.removeprefix("http://")}
        prometheus = stack.enter_context(Prometheus(targets))
        run(environment, "simulate", "--customers", "200", "--days", "15", "--speed", "max", "--wait")
        send_broken(kafka_topics)
        stack.enter_context(load(api.address, make_key(url, "shop")))
        missing = dict(QUERIES)

        def found() -> bool:
            for place in [place for place, expression in missing.items() if prometheus.query(expression)]:
                del missing[place]
            return {(panel, legend) for _, panel, legend in missing} <= EMPTY.keys()

        try:
            until(found, "shown on every panel", 120)
        except AssertionError:
            empty = sorted(place for place in missing if place[1:] not in EMPTY)
            pytest.fail("no data: " + "; ".join(map(" / ".join, empty)))
        assert {(panel, legend) for _, panel, legend in missing} == EMPTY.keys(), "a reason is out of date"
        for mark in {mark.query.replace("$segmentation", ".*") for page in DASHBOARDS for mark in page.marks}:
            prometheus.query(mark)
        # A history that is sent at full speed is late, and spends the budget of freshness.
        firing = 'ALERTS{alertstate="firing", severity="critical", alertname!~".*Burn.*"}'
        assert prometheus.query(firing) == [], "a healthy system under load"


def send_broken(bootstrap: str) -> None:
    """A record that is no event."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(CLICKS, key="c-1", value=b"{}")
    assert producer.flush(30) == 0
