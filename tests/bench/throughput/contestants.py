"""The measured processes: how each is started, how its progress is read and its end state checked."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from streamseg.topics import CLICKS
from tests.bench.peers.customer import ROW_PREFIX
from tests.bench.testbed import Testbed
from tests.support.processes import stored_rows

ROOT: Final = Path(__file__).parents[3]
PEERS: Final = "tests.bench.peers"

Kept = tuple[int, int, int]
"""Events, transactions and spend in minor units: the counts that must be exact."""


@dataclass(frozen=True)
class Contestant:
    """One process on the testbed's servers, in its consumer group."""

    name: str
    arguments: Callable[[Testbed], Sequence[str]]
    kept: Callable[[Testbed], Mapping[str, Kept]] | None
    """Reads the counts of each customer from the store; None for a contestant without state."""
    done: Callable[[Testbed], int]
    """Events done. Ours: committed, the last step. Peers: rows written, which favours peers that commit seconds later,
    and works for Bytewax, which commits nothing."""
    slow: bool = False
    """Too slow for the whole load: it gets a smaller one of the same kind."""
    apart: bool = False
    """Runs in the peers' own Python environment."""
    with_audiences: bool = False
    """Gets audiences to decide."""
    grouped: bool = True
    """Member of a consumer group, whose state shows when it starts to read."""

    def start(self, testbed: Testbed, peers: Path | None) -> "subprocess.Popen[bytes]":
        """Start the process; the caller ends it. Its log is in the testbed's folder. `peers`: Python of the peers."""
        with (testbed.folder / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(peers) if self.apart and peers else sys.executable, *self.arguments(testbed)],
                env=os.environ | dict(testbed.environment),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def check(self, testbed: Testbed) -> None:
        """Raise `AssertionError` unless the store counts each event of the load exactly once."""
        if self.kept is None:
            return
        sent = {f"c-{number}": (events, 0, 0) for number, events in enumerate(testbed.counts().tolist()) if events}
        held = self.kept(testbed)
        wrong = sum(held.get(customer) != expected for customer, expected in sent.items())
        assert not wrong, f"{self.name}: wrong counts for {wrong} customers"
        assert held.keys() == sent.keys(), f"{self.name}: customers in the store that were not in the load"


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
        held = client.mget(names) if names else []
    customers: dict[str, Kept] = {}
    for name, row in zip(names, held, strict=True):
        events, transactions, spend_minor, _ = row.split(b" ", 3)
        customers[name.decode().removeprefix(ROW_PREFIX)] = (int(events), int(transactions), int(spend_minor))
    return customers


def _peer(module: str) -> Callable[[Testbed], Sequence[str]]:
    return lambda testbed: (
        "-m", f"{PEERS}.{module}", testbed.kafka.bootstrap, testbed.redis.url, testbed.group, CLICKS,
        str(testbed.folder / testbed.group),
    )  # fmt: skip


CONTESTANTS: Final = {
    one.name: one
    for one in (
        Contestant("streamseg", _worker, _ours, Testbed.committed),
        Contestant("streamseg-audiences", _worker, _ours, Testbed.committed, with_audiences=True),
        Contestant("faust", _peer("faust_app"), _theirs, Testbed.rows_written, slow=True),
        Contestant("bytewax", _peer("bytewax_app"), _theirs, Testbed.rows_written, apart=True, grouped=False),
        Contestant("quix", _peer("quix_app"), _theirs, Testbed.rows_written, slow=True, apart=True),
        Contestant("limit", _peer("limit"), None, Testbed.committed),
    )
}
