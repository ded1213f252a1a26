"""The measured processes: how each is started, how its progress is read and its end state checked."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from streamseg.store import key_names as keys
from streamseg.topics import CLICKS, MEMBERSHIPS
from tests.bench.click_load import CUSTOMER
from tests.bench.peers import environment, jvm_build
from tests.bench.peers.customer import DONE, ROW_PREFIX
from tests.bench.testbed import Testbed
from tests.support.kafka.server import path_of
from tests.support.processes import stored_rows

ROOT: Final = Path(__file__).parents[3]
PEERS: Final = "tests.bench.peers"
JVM: Final = ("-Xms1g", "-Xmx2g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
"""Enough memory that collecting garbage costs next to nothing, and the collector for throughput."""

Say = Callable[[str], None]

Kept = tuple[int, int, int]
"""Events, transactions and spend in minor units: the counts that must be exact."""


@dataclass(frozen=True)
class Contestant:
    """One process on the testbed's servers, in its consumer group."""

    name: str
    program: Callable[[Say], Sequence[str]]
    """Installs or builds what it needs, and returns the command without arguments."""
    arguments: Callable[[Testbed], Sequence[str]]
    kept: Callable[[Testbed], Mapping[str, Kept]] | None
    """Reads the counts of each customer from the store; None for a contestant without state."""
    done: Callable[[Testbed], int]
    """Events done. Ours: committed, the last step. Peers: rows written, which favours peers that commit seconds later,
    and works for Bytewax, which commits nothing."""
    slow: bool = False
    """Too slow for the whole load: it gets a smaller one of the same kind."""
    warm_up: bool = False
    """Takes clicks of other customers before the clock starts: compilers are done then, and our burst of samples."""
    with_audiences: bool = False
    """Gets audiences to decide."""
    grouped: bool = True
    """Member of a consumer group, whose state shows when it starts to read."""

    def log(self, testbed: Testbed) -> str:
        """What it has printed."""
        return (testbed.folder / f"{self.name}.log").read_text(errors="replace")

    def start(self, testbed: Testbed, say: Say) -> "subprocess.Popen[bytes]":
        """Start the process; the caller ends it. Its log is in the testbed's folder."""
        with (testbed.folder / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                [*self.program(say), *self.arguments(testbed)],
                env=os.environ | dict(testbed.environment),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def check(self, testbed: Testbed) -> None:
        """Raise `AssertionError` unless the store counts each event of the load exactly once."""
        if self.kept is None:
            return
        sent = {
            f"{CUSTOMER}{number}": (events, 0, 0) for number, events in enumerate(testbed.counts().tolist()) if events
        }
        held = {customer: kept for customer, kept in self.kept(testbed).items() if customer.startswith(CUSTOMER)}
        wrong = sum(held.get(customer) != expected for customer, expected in sent.items())
        assert not wrong, f"{self.name}: wrong counts for {wrong} customers"
        assert held.keys() == sent.keys(), f"{self.name}: customers in the store that were not in the load"


def _ours_python(_: Say) -> Sequence[str]:
    return (sys.executable,)


def _peers_python(say: Say) -> Sequence[str]:
    return (str(environment.python(say)),)


def _pathways_python(say: Say) -> Sequence[str]:
    return (str(environment.python(say, environment.PATHWAY_LOCK)),)


def _java(module: str, main: str) -> Callable[[Say], Sequence[str]]:
    return lambda say: (
        path_of("java", "default-jre-headless"),
        *JVM,
        "-cp",
        jvm_build.class_path(module, say),
        f"streamseg.peer.{main}",
    )


def _worker(_: Testbed) -> Sequence[str]:
    return "-m", "streamseg.commands", "worker"


def _ours(testbed: Testbed) -> dict[str, Kept]:
    rows = stored_rows(testbed.environment)
    exact = (rows.events, rows.transactions, rows.spend_minor)
    by_slot = list(zip(*(field.tolist() for field in exact), strict=True))
    return {customer: by_slot[slot] for customer, slot in rows.slots.items()}


def _theirs(testbed: Testbed) -> dict[str, Kept]:
    with redis.Redis.from_url(testbed.redis.url) as client:
        names = list(client.scan_iter(f"{ROW_PREFIX}*", 5_000))
        customers: dict[str, Kept] = {}
        for at in range(0, len(names), 5_000):
            some = names[at : at + 5_000]
            for name, row in zip(some, client.mget(some), strict=True):
                events, transactions, spend_minor, _ = row.split(b" ", 3)
                customers[name.decode().removeprefix(ROW_PREFIX)] = (int(events), int(transactions), int(spend_minor))
    return customers


def _peer(module: str) -> Callable[[Testbed], Sequence[str]]:
    return lambda testbed: (
        "-m", f"{PEERS}.{module}", testbed.kafka.bootstrap, testbed.redis.url, testbed.group, CLICKS,
        str(testbed.folder / testbed.group),
    )  # fmt: skip


def _jvm_peer(store: str) -> Callable[[Testbed], Sequence[str]]:
    return lambda testbed: (
        testbed.kafka.bootstrap, testbed.redis.url, testbed.group, CLICKS, str(testbed.folder / testbed.group), store,
        MEMBERSHIPS, keys.model("behaviour"), ROW_PREFIX, keys.MEMBERSHIP_PREFIX, DONE,
    )  # fmt: skip


_KAFKA_STREAMS: Final = _java("kafka-streams", "KafkaStreamsApp")
_FLINK: Final = _java("flink", "FlinkApp")

CONTESTANTS: Final = {
    one.name: one
    for one in (
        Contestant("streamseg", _ours_python, _worker, _ours, Testbed.committed, warm_up=True),
        Contestant(
            "streamseg-audiences",
            _ours_python,
            _worker,
            _ours,
            Testbed.committed,
            warm_up=True,
            with_audiences=True,
        ),
        Contestant("kafka-streams", _KAFKA_STREAMS, _jvm_peer("memory"), _theirs, Testbed.events_done, warm_up=True),
        Contestant(
            "kafka-streams-rocksdb", _KAFKA_STREAMS, _jvm_peer("rocksdb"), _theirs, Testbed.events_done, warm_up=True
        ),
        Contestant("flink", _FLINK, _jvm_peer("memory"), _theirs, Testbed.events_done, warm_up=True, grouped=False),
        Contestant(
            "flink-rocksdb", _FLINK, _jvm_peer("rocksdb"), _theirs, Testbed.events_done, warm_up=True, grouped=False
        ),
        Contestant("faust", _ours_python, _peer("faust_app"), _theirs, Testbed.rows_written, slow=True),
        Contestant("bytewax", _peers_python, _peer("bytewax_app"), _theirs, Testbed.rows_written, grouped=False),
        Contestant("pathway", _pathways_python, _peer("pathway_app"), _theirs, Testbed.events_done),
        Contestant("quix", _peers_python, _peer("quix_app"), _theirs, Testbed.rows_written, slow=True),
        Contestant("limit", _ours_python, _peer("limit"), None, Testbed.committed),
        Contestant("bare", _ours_python, _peer("bare"), None, Testbed.committed),
    )
}
