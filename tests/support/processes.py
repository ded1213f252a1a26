"""streamseg's processes as a person runs them, and what they leave in the store."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from streamseg.features.rows import Rows
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent
from streamseg.wiring.derived import derive
from streamseg.wiring.kafka_clients import group_lag
from streamseg.wiring.stores import stored_layout, stores

STREAMSEG = (sys.executable, "-m", "streamseg.commands")


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that a process with this environment has."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        return Settings()
    finally:
        os.environ.clear()
        os.environ.update(before)


def start_worker(environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A worker that writes its log to a file; the caller ends it."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            [*STREAMSEG, "worker"], env=os.environ | dict(environment), stdout=stream, stderr=stream
        )


@contextmanager
def worker(environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker for as long as the block lasts."""
    process = start_worker(environment, log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()
                process.wait()


def run(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run a command to its end; its JSON answer."""
    done = subprocess.run(
        [*STREAMSEG, *arguments, "--json"],
        env=os.environ | dict(environment),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def is_right(environment: Mapping[str, str]) -> bool:
    """Return whether `streamseg status` finds nothing wrong."""
    done = subprocess.run([*STREAMSEG, "status"], env=os.environ | dict(environment), timeout=60, check=False)
    return done.returncode == 0


def send(bootstrap: str, events: Iterable[SourceEvent], partitioner: str = "murmur2_random") -> None:
    """Produce the events, keyed by customer, and wait for their acknowledgement."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": partitioner, "linger.ms": 5})
    for number, event in enumerate(events):
        producer.produce(event.topic, key=event.customer_id.encode(), value=event.value)
        if number % 1_000 == 0:
            producer.poll(0)
    assert producer.flush(30) == 0


def members(environment: Mapping[str, str]) -> dict[str, frozenset[tuple[str, int]]]:
    """Who is in the group (member ids), with their topic partitions; a new broker has 30 s to answer."""
    admin = AdminClient({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
    group = environment["STREAMSEG_KAFKA__GROUP"]
    end = time.monotonic() + 30.0
    while True:
        try:
            described = admin.describe_consumer_groups([group])[group].result(10)
            break
        except (KafkaException, TimeoutError):  # the group has no coordinator yet
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
    return {
        one.group_instance_id or one.member_id: frozenset(
            (t.topic, t.partition) for t in one.assignment.topic_partitions
        )
        for one in described.members
    }


def until(met: Callable[[], bool], what: str, seconds: float = 60.0, *, pause: float = 0.1) -> None:
    """Wait until it is so, looking again after each pause; fail when it takes too long."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"still not {what} after {seconds:g} s"
        time.sleep(pause)


def refused(environment: Mapping[str, str], tmp_path: Path) -> str:
    """Start a worker that must refuse to run; return the last line of its log."""
    process = start_worker(environment, tmp_path / "refused.log")
    try:
        assert process.wait(60) in {1, 2}
    finally:
        process.kill()
    return (tmp_path / "refused.log").read_text().strip().splitlines()[-1]


def until_absorbed(environment: Mapping[str, str], seconds: float = 60.0) -> None:
    """Wait until the workers have committed everything, looked at twice."""
    settings = settings_of(environment)
    for _ in range(2):
        until(lambda: sum(group_lag(settings).values()) == 0, "absorbed", seconds)
        time.sleep(0.5)


def stored_rows(environment: Mapping[str, str]) -> Rows:
    """All rows in the store."""
    settings = settings_of(environment)

    async def read() -> Rows:
        async with stores(settings) as (state, _, _):
            rows, partition = Rows(await stored_layout(derive(settings).layout, state)), 0
            while await state.metadata(partition) is not None:
                cursor = -1
                while cursor != 0:
                    cursor, listed = await state.scan(partition, max(cursor, 0), 1_000)
                    found = {customer: row for customer, row in listed if customer not in rows.slots}
                    rows.load(list(found), list(found.values()))
                partition += 1
            return rows

    return asyncio.run(read())
