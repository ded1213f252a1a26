"""The processes that are measured: how each is started, and what it leaves behind."""

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
from tests.bench.stage import Stage
from tests.support.processes import stored_rows

ROOT: Final = Path(__file__).parents[3]
PEERS: Final = "tests.bench.peers"

Kept = tuple[int, int, int]
"""Events, transactions and spend in minor units: what has to be exact."""


@dataclass(frozen=True)
class Contestant:
    """One process on the stage's broker and store, in the stage's group."""

    name: str
    arguments: Callable[[Stage], Sequence[str]]
    kept: Callable[[Stage], Mapping[str, Kept]] | None
    """What it keeps in the store of each customer; None when it keeps nothing."""
    done: Callable[[Stage], int]
    """How many events it is done with. Ours: committed, the last step. Peers: rows written, which favours those that
    commit seconds later, and sees Bytewax, which commits nothing."""
    slow: bool = False
    """Too slow for the whole load: it gets one of the same kind and fewer customers."""
    apart: bool = False
    """Runs in the peers' environment."""
    grouped: bool = True
    """Is a member of a consumer group, by which the moment is known at which it begins to read."""

    def start(self, stage: Stage, peers: Path | None) -> "subprocess.Popen[bytes]":
        """Start it; its log goes to the stage's folder, the caller ends it. `peers`: their environment's Python."""
        with (stage.folder / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(peers) if self.apart and peers else sys.executable, *self.arguments(stage)],
                env=os.environ | dict(stage.environment),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def check(self, stage: Stage) -> None:
        """Raises `AssertionError` when it does not hold each event of the load once."""
        if self.kept is None:
            return
        sent = {f"c-{number}": (events, 0, 0) for number, events in enumerate(stage.counts().tolist()) if events}
        held = self.kept(stage)
        wrong = sum(held.get(customer) != expected for customer, expected in sent.items())
        assert not wrong, f"{self.name}: {wrong} customers are not as they were sent"
        assert held.keys() == sent.keys(), f"{self.name}: customers that were not sent"


def _ours(stage: Stage) -> dict[str, Kept]:
    rows = stored_rows(stage.environment)
    exact = (rows.events, rows.transactions, rows.spend_minor)
    by_slot = list(zip(*(field.tolist() for field in exact), strict=True))
    return {customer: by_slot[slot] for customer, slot in rows.slots.items()}


def _theirs(stage: Stage) -> dict[str, Kept]:
    with redis.Redis.from_url(stage.redis.url) as client:
        names = list(client.scan_iter(f"{ROW_PREFIX}*", 5_000))
        held = client.mget(names) if names else []
    customers: dict[str, Kept] = {}
    for name, row in zip(names, held, strict=True):
        events, transactions, spend_minor, _ = row.split(b" ", 3)
        customers[name.decode().removeprefix(ROW_PREFIX)] = (int(events), int(transactions), int(spend_minor))
    return customers


def _peer(module: str) -> Callable[[Stage], Sequence[str]]:
    return lambda stage: (
        "-m", f"{PEERS}.{module}", stage.kafka.bootstrap, stage.redis.url, stage.group, CLICKS,
        str(stage.folder / stage.group),
    )  # fmt: skip


CONTESTANTS: Final = {
    one.name: one
    for one in (
        Contestant("streamseg", lambda _: ("-m", "streamseg.commands", "worker"), _ours, Stage.committed),
        Contestant("faust", _peer("faust_app"), _theirs, Stage.rows_written, slow=True),
        Contestant("bytewax", _peer("bytewax_app"), _theirs, Stage.rows_written, apart=True, grouped=False),
        Contestant("quix", _peer("quix_app"), _theirs, Stage.rows_written, slow=True, apart=True),
        Contestant("limit", _peer("limit"), None, Stage.committed),
    )
}
