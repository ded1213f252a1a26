"""What probes hear of a worker: stuck, warm, about to end. Issue 15."""

import urllib.error
import urllib.request
from collections.abc import Mapping

import pytest

from streamseg.metrics import Metrics
from streamseg.worker.health import STUCK_SECONDS, Health


class Partitions:
    def __init__(self) -> None:
        self.wrong: str | None = "no partitions are assigned yet"

    def cold(self) -> str | None:
        return self.wrong


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_worker_is_ready_once_it_is_warm_and_until_it_ends() -> None:
    partitions = Partitions()
    health = Health(partitions)
    assert (health.live(), health.ready()) == (None, "no partitions are assigned yet")
    partitions.wrong = None
    assert health.ready() is None
    health.stop()
    assert (health.live(), health.ready()) == (None, "shutting down")


def test_a_stuck_event_loop_is_neither_live_nor_ready() -> None:
    now, partitions = [100.0], Partitions()
    partitions.wrong = None
    health = Health(partitions, lambda: now[0])
    now[0] += STUCK_SECONDS
    assert health.live() is None
    now[0] += 1.0
    assert health.live() == "the event loop has been stuck for 31 s"
    assert health.ready() == health.live()
    health.beat()
    assert (health.live(), health.ready()) == (None, None)


@pytest.fixture
def wrong() -> dict[str, str | None]:
    return {"/readyz": "partitions [3] are not read", "/livez": None}


def test_probes_are_answered_beside_the_metrics(wrong: Mapping[str, str | None]) -> None:
    metrics = Metrics()
    port = metrics.serve("127.0.0.1", 0, {path: lambda path=path: wrong[path] for path in wrong})  # type: ignore[misc]
    try:
        assert asked(port, "/readyz") == (503, "partitions [3] are not read\n")
        assert asked(port, "/livez") == (200, "ok\n")
        code, text = asked(port, "/metrics")
        assert code == 200
        assert "streamseg_build_info" in text
    finally:
        metrics.close()
