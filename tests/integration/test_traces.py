"""A sampled event is followed from its producer to the membership, by real spans at a real receiver. Issue 15."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import Producer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from streamseg.embedded.child import free_port
from streamseg.sources.event import rfc3339
from streamseg.topics import CLICKS
from tests.support.processes import refused, until, until_absorbed, worker

pytestmark = pytest.mark.integration

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = ["read", "absorb", "flush", "relay"]


class Receiver:
    """Takes spans over OTLP/HTTP, as a collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                    named = {each.key: each.value.string_value for each in one.resource.attributes}
                    receiver.services.add(named["service.name"])
                    receiver.spans += [span for scope in one.scope_spans for span in scope.spans]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join()


def send(bootstrap: str, customer: str, flags: str | None) -> None:
    """One click, with a trace that its producer samples (`flags` 01), or does not, or without."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    value = (
        f'{{"event_id":"e-{customer}","customer_id":"{customer}","event_name":"view_item",'
        f'"occurred_at":"{rfc3339(time.time())}"}}'
    )
    headers = [("traceparent", f"00-{TRACE}-{PARENT}-{flags}".encode())] if flags else []
    producer.produce(CLICKS, key=customer, value=value, headers=headers)
    assert producer.flush(30) == 0


def test_a_sampled_event_is_followed_from_the_producer_to_the_membership(
    environment: dict[str, str], receiver: Receiver, tmp_path: Path
) -> None:
    port = free_port()
    environment |= {
        "STREAMSEG_CLOCK": "wall",
        "STREAMSEG_WORKER__TRACE_ENDPOINT": receiver.address,
        "STREAMSEG_WORKER__METRICS_PORT": str(port),
    }
    kafka = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    with worker(environment, tmp_path / "worker.log"):
        send(kafka, "c-unsampled", "00")
        send(kafka, "c-without", None)
        until_absorbed(environment)
        sent = time.time()
        send(kafka, "c-sampled", "01")
        until(lambda: len(receiver.spans) >= 5, "spans", 60.0)
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            metrics = answer.read().decode()
    (outer,) = [span for span in receiver.spans if span.name == "process event"]
    assert (outer.trace_id.hex(), outer.parent_span_id.hex()) == (TRACE, PARENT)
    attributes = {one.key: one.value for one in outer.attributes}
    assert attributes["messaging.destination.name"].string_value == CLICKS
    assert attributes["streamseg.membership.written"].bool_value
    inner = [span for span in receiver.spans if span.parent_span_id == outer.span_id]
    assert len(receiver.spans) == 5  # of the other two events nothing was sent
    assert [span.name for span in sorted(inner, key=lambda span: span.end_time_unix_nano)] == STAGES
    for before, after in pairwise(inner):
        assert before.end_time_unix_nano == after.start_time_unix_nano
    assert sent - 1 < outer.start_time_unix_nano / 1e9 < outer.end_time_unix_nano / 1e9 < sent + 30
    assert receiver.services == {"streamseg-worker"}
    assert "c-sampled" not in str(receiver.spans)  # no customer in spans
    (exemplar,) = {line.partition(" # ")[2].split("}")[0] for line in metrics.splitlines() if TRACE in line}
    assert exemplar == f'{{trace_id="{TRACE}"'


def test_events_go_on_while_the_collector_is_away(environment: dict[str, str], tmp_path: Path) -> None:
    environment |= {"STREAMSEG_WORKER__TRACE_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    log = tmp_path / "worker.log"
    with worker(environment, log) as process:
        for number in range(3):
            send(environment["STREAMSEG_KAFKA__BOOTSTRAP"], f"c-{number}", "01")
        until_absorbed(environment)
        until(lambda: "tracing waits for the collector of traces" in log.read_text(), "one line", 30.0)
        process.terminate()
        began = time.monotonic()
        assert process.wait(20) == 0
        assert time.monotonic() - began < 10.0
    assert log.read_text().count("collector") == 1
    assert "Traceback" not in log.read_text()


def test_a_wrong_address_stops_the_start_with_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    environment |= {"STREAMSEG_WORKER__TRACE_ENDPOINT": "collector:4318"}
    assert "worker.trace_endpoint" in refused(environment, tmp_path)
