"""Workers in their group on real Kafka: who is frozen, restarted or stopped moves and harms no more than promised."""

import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamseg.embedded import RedisServer
from streamseg.embedded.child import free_port
from streamseg.sources.fitgear import FitGear
from streamseg.topics import CLICKS
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics
from tests.support.processes import is_right, members, run, send, start_worker, until, until_absorbed, worker

pytestmark = pytest.mark.integration

GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}
STOP_SECONDS = 10.0


def share_out(environment: Mapping[str, str], count: int) -> dict[str, frozenset[tuple[str, int]]]:
    """Wait until so many members have partitions; who has which."""
    until(lambda: len(standing := members(environment)) == count and all(standing.values()), f"{count} members")
    return members(environment)


def test_a_worker_that_was_frozen_through_a_rebalance_overwrites_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    events = list(FitGear(150, 30, 5, ends_at=time.time()))
    third = len(events) // 3
    with worker(environment, tmp_path / "frozen.log") as frozen, worker(environment, tmp_path / "other.log"):
        both = share_out(environment, 2)
        send(bootstrap, events[:third])
        until_absorbed(environment)
        send(bootstrap, events[third : third + 500])  # it is frozen with work in its hands
        frozen.send_signal(signal.SIGSTOP)
        try:
            until(lambda: len(members(environment)) == 1, "without the frozen one", 30.0)
            send(bootstrap, events[third + 500 : 2 * third])
            until_absorbed(environment)
        finally:
            frozen.send_signal(signal.SIGCONT)
        send(bootstrap, events[2 * third :])
        again = share_out(environment, 2)
        until_absorbed(environment)
        found = run(environment, "verify")

    assert found == found | GOOD | {"events": len(events)}
    assert sorted(Counter(len(share) for share in both.values())) == sorted(Counter(map(len, again.values())))
    assert (
        "another owner or flush number" in (tmp_path / "frozen.log").read_text()
        or "is owned by" in (tmp_path / "frozen.log").read_text()
    )


def test_under_the_rolling_profile_a_restart_moves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    environment["STREAMSEG_KAFKA__MEMBERSHIP_PROFILE"] = "rolling"
    first = environment | {"STREAMSEG_KAFKA__INSTANCE_ID": "worker-1"}
    second = environment | {"STREAMSEG_KAFKA__INSTANCE_ID": "worker-2"}
    events = list(FitGear(100, 20, 6, ends_at=time.time()))
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    with worker(second, tmp_path / "2.log"):
        with worker(first, tmp_path / "1.log"):
            before = share_out(environment, 2)
            assert before.keys() == {"worker-1", "worker-2"}
            send(bootstrap, events[:1_000])
            until_absorbed(first)
            assignments = (tmp_path / "2.log").read_text().count("assigned partitions")
        send(bootstrap, events[1_000:2_000])  # nobody takes its partitions while it is away
        assert members(environment) == before
        with worker(first, tmp_path / "1b.log"):
            until_absorbed(first)
            assert members(environment) == before
            send(bootstrap, events[2_000:])
            until_absorbed(first)
            found = run(first, "verify")

    assert (tmp_path / "2.log").read_text().count("assigned partitions") == assignments
    assert found == found | GOOD | {"events": len(events)}


def test_workers_that_are_added_one_by_one_get_their_share_and_one_too_many_is_ready(
    environment: dict[str, str], tmp_path: Path
) -> None:
    ports = [free_port() for _ in range(5)]
    own = [environment | {"STREAMSEG_WORKER__METRICS_PORT": str(port)} for port in ports]
    events = list(FitGear(60, 20, 9, ends_at=time.time()))
    with ExitStack() as running:
        for count, its in enumerate(own[:4], 1):
            running.enter_context(worker(its, tmp_path / f"{count}.log"))
            standing = share_out(environment, count)
            sizes = [len({number for topic, number in share if topic == CLICKS}) for share in standing.values()]
            assert (sum(sizes), max(sizes) - min(sizes)) == (4, 4 % count and 1)
        running.enter_context(worker(own[4], tmp_path / "5.log"))
        until(lambda: ready(ports[4]), "ready without a partition")
        shares = list(members(environment).values())
        send(environment["STREAMSEG_KAFKA__BOOTSTRAP"], events)
        until_absorbed(environment)
        until(lambda: is_right(environment), "right")  # after a sweep at the time that the event clock has come to
        found = run(environment, "verify")

    assert "Traceback" not in (tmp_path / "5.log").read_text()
    assert sorted(len({number for topic, number in share if topic == CLICKS}) for share in shares) == [0, 1, 1, 1, 1]
    assert found == found | GOOD | {"events": len(events)}


def ready(port: int) -> bool:
    """Whether the worker says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1.0) as answer:
            return bool(answer.status == 200)
    except OSError:  # not started, or not ready
        return False


def stopped_in(process_log: Path, environment: Mapping[str, str], before: Callable[[], None]) -> tuple[float, int]:
    """Start a worker, do something, send SIGTERM: the seconds that it took, and the exit code."""
    process = start_worker(environment, process_log)
    try:
        until(lambda: "worker is up" in process_log.read_text(), "up")
        before()
        began = time.monotonic()
        process.terminate()
        code = process.wait(30)
        return time.monotonic() - began, code
    finally:
        process.kill()
        process.wait()


def test_a_stopped_worker_flushes_commits_and_leaves_the_group(environment: dict[str, str], tmp_path: Path) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    events = list(FitGear(100, 20, 8, ends_at=time.time()))

    def load() -> None:
        send(bootstrap, events)
        time.sleep(0.3)

    seconds, code = stopped_in(tmp_path / "worker.log", environment, load)
    assert (seconds < STOP_SECONDS, code) == (True, 0)
    assert not members(environment)
    with worker(environment, tmp_path / "next.log"):
        until_absorbed(environment)
        found = run(environment, "verify")
    assert found == found | GOOD | {"events": len(events)}


@pytest.mark.parametrize("away", ["broker", "store"])
def test_a_worker_stops_in_time_whatever_is_away(
    environment: dict[str, str],
    tmp_path: Path,
    away: str,
    start_kafka: Callable[[], KafkaServer],
    start_redis_server: Callable[[], RedisServer],
) -> None:
    kafka, store = start_kafka(), start_redis_server()
    remake_topics(kafka.bootstrap, 4)
    environment |= {"STREAMSEG_KAFKA__BOOTSTRAP": kafka.bootstrap, "STREAMSEG_REDIS__URL": store.url}

    def take_away() -> None:
        send(kafka.bootstrap, list(FitGear(100, 20, 8, ends_at=time.time())))
        (kafka if away == "broker" else store).kill()
        time.sleep(1.0)

    seconds, code = stopped_in(tmp_path / "worker.log", environment, take_away)
    assert (seconds < STOP_SECONDS, code) == (True, 0), (tmp_path / "worker.log").read_text()[-2_000:]
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
