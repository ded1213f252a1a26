"""`streamseg webhooks` on real Kafka and Redis: a change record reaches a subscriber, signed."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import msgspec
import pytest
import redis
from confluent_kafka import Producer
from standardwebhooks import Webhook

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.embedded.child import free_port
from streamseg.membership.encoding import change_record, tombstone_headers
from streamseg.membership.types import AudienceChange, Consent, MembershipChange, OutboxEntry
from streamseg.topics import MEMBERSHIPS
from tests.support.api import run_command
from tests.support.npm_packages.packages import npm_packages
from tests.support.served_api import entry_of, membership_of

pytestmark = pytest.mark.integration

Received = list[tuple[bytes, dict[str, str]]]

VERIFIER = """
  const { Webhook } = require("standardwebhooks");
  const { secret, received } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const webhook = new Webhook(secret);
  const verdicts = received.map(([body, headers]) => {
    try {
      return webhook.verify(body, headers).data.customer_id;
    } catch (error) {
      return `${error.constructor.name}: ${error.message}`;
    }
  });
  console.log(JSON.stringify(verdicts));
"""


@contextmanager
def subscriber(failures: int) -> Iterator[tuple[str, Received]]:
    """Run a subscriber that answers 500 to its first requests; yield its URL and what it received."""
    got: Received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(500 if len(got) <= failures else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so in the base class
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def verdicts_in_node(secret: str, received: Received) -> list[str]:
    """Return what a subscriber in JavaScript gets: the customer of a message that it accepts, else the error."""
    messages = {"secret": secret, "received": [(body.decode(), headers) for body, headers in received]}
    verifier = subprocess.run(
        ["node", "--eval", VERIFIER],
        cwd=npm_packages().parent,
        input=json.dumps(messages),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    verdicts: list[str] = json.loads(verifier.stdout)
    return verdicts


def test_a_change_reaches_a_subscriber_that_fails_at_first(clean_redis: str, kafka_topics: str, group: str) -> None:
    environment = {
        "STREAMSEG_REDIS__URL": clean_redis,
        "STREAMSEG_KAFKA__BOOTSTRAP": kafka_topics,
        "STREAMSEG_KAFKA__GROUP": group,
    }
    with subscriber(failures=1) as (url, got):
        added = run_command("webhooks", "add", "crm", url, "--allow-private", "--json", environment=environment)
        assert added.returncode == 0, added.stderr
        secret = json.loads(added.stdout)["secret"]
        listed = run_command("webhooks", "list", "--json", environment=environment).stdout
        assert secret not in listed
        (shown,) = json.loads(listed)["subscribers"]
        assert {name: shown[name] for name in ("ended", "waiting", "parked", "dropped")} == {
            "ended": "", "waiting": 0, "parked": 0, "dropped": 0,
        }  # fmt: skip
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "streamseg.commands", "webhooks", "run", "--metrics-port", str(port)],
            env=os.environ | environment,
        )
        try:
            producer = Producer({"bootstrap.servers": kafka_topics, "partitioner": "murmur2_random"})
            changes = (MembershipChange("behaviour", "behaviour-k7q2", "entered"),)
            record = change_record(msgspec.structs.replace(entry_of(membership_of("c-81")), changes=changes))
            erased = OutboxEntry("c-åsa", 7, 9, None, (), Consent(ads=True, personalisation=True))
            ends = time.monotonic() + 60
            while len(got) < 3 and time.monotonic() < ends:  # a new group reads from the end of the topic
                producer.produce(MEMBERSHIPS, key=b"c-81", value=record)
                producer.produce(
                    MEMBERSHIPS, key=erased.customer_id.encode(), value=None, headers=list(tombstone_headers(erased))
                )
                producer.flush(5)
                time.sleep(1)
            metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        finally:
            process.terminate()
            assert process.wait(20) == 0
    assert {json.loads(body)["type"] for body, _ in got} == {"membership.changed", "membership.removed"}
    (removal, *_) = [json.loads(body)["data"] for body, _ in got if b"membership.removed" in body]
    assert removal == {"customer_id": "c-åsa", "epoch": 7, "seq": 9}
    assert 'streamseg_api_webhooks_total{outcome="delivered"}' in metrics
    assert 'streamseg_api_webhook_queue{state="waiting",subscriber="crm"}' in metrics
    for body, headers in got:
        Webhook(secret).verify(body, headers)
    assert set(verdicts_in_node(secret, got)) == {"c-81", "c-åsa"}
    changed = [(body.replace(b'"seq":', b'"seq":1'), headers) for body, headers in got]
    assert set(verdicts_in_node(secret, changed)) == {"WebhookVerificationError: No matching signature found"}
    insecure = run_command("webhooks", "add", "x", "http://crm.example/", environment=environment)
    assert (insecure.returncode, "https" in insecure.stderr) == (2, True)
    inside = run_command("webhooks", "add", "x", "https://169.254.169.254/", environment=environment)
    assert (inside.returncode, "--allow-private" in inside.stderr) == (2, True)


def test_an_ads_subscriber_hears_of_audiences_for_ads_that_are_large_enough(
    clean_redis: str, kafka_topics: str, group: str
) -> None:
    environment = {
        "STREAMSEG_REDIS__URL": clean_redis,
        "STREAMSEG_KAFKA__BOOTSTRAP": kafka_topics,
        "STREAMSEG_KAFKA__GROUP": group,
    }
    declared, names = DeclaredAudiences(), ("few", "many", "readers")
    for name in names:
        purpose = "content" if name == "readers" else "ads"
        declared = declared.with_(name, {"id": name, "purpose": purpose, "minimum_size": 5}, 3)
    sizes = AudienceSizes(1, dict.fromkeys(names, 9), {"few": 4, "many": 5, "readers": 9})
    with redis.Redis.from_url(clean_redis) as client:
        client.hset("ssg:v1:audiences", mapping={"version": declared.generation, "snapshot": declared.encode()})
        client.set("ssg:v1:audience-sizes", sizes.encode())
    entered = tuple(AudienceChange(name, 1, "entered") for name in names)
    membership = replace(membership_of("c-81"), audiences=names)
    record = change_record(msgspec.structs.replace(entry_of(membership), audience_changes=entered))
    with subscriber(failures=0) as (ads_url, to_ads), subscriber(failures=0) as (shop_url, to_shop):
        for name, url, more in (
            ("ads", ads_url, ("--purpose", "ads")), ("shop", shop_url, ("--audience", "read*")),
        ):  # fmt: skip
            assert not run_command(
                "webhooks", "add", name, url, "--allow-private", *more, environment=environment
            ).returncode
        process = subprocess.Popen(
            [sys.executable, "-m", "streamseg.commands", "webhooks", "run"], env=os.environ | environment
        )
        try:
            producer, ends = Producer({"bootstrap.servers": kafka_topics}), time.monotonic() + 60
            while not (to_ads and to_shop) and time.monotonic() < ends:
                producer.produce(MEMBERSHIPS, key=b"c-81", value=record)
                producer.flush(5)
                time.sleep(1)
        finally:
            process.terminate()
            assert process.wait(20) == 0

    def told(received: Received) -> list[tuple[str, int]]:
        changes = json.loads(received[0][0])["data"]["audience_changes"]
        return [(one["audience"], one["version"]) for one in changes]

    assert (told(to_ads), told(to_shop)) == ([("many", 1)], [("readers", 1)])


def test_a_subscriber_is_not_replaced_silently(clean_redis: str) -> None:
    """Issue 13, item 24: `webhooks add` twice replaced the secret without a word."""
    environment = {"STREAMSEG_REDIS__URL": clean_redis}
    add = ("webhooks", "add", "crm", "--json")
    first = run_command(*add, "https://crm.example/hook", environment=environment)
    secret = json.loads(first.stdout)["secret"]

    again = run_command(*add, "https://crm.example/other", environment=environment)

    assert again.returncode == 1
    assert "there is a subscriber crm already" in str(again.stderr)
    replaced = run_command(*add, "https://crm.example/other", "--replace", environment=environment)
    assert json.loads(replaced.stdout)["secret"] == secret
    listed = run_command("webhooks", "list", "--json", environment=environment)
    assert [one["url"] for one in json.loads(listed.stdout)["subscribers"]] == ["https://crm.example/other"]
