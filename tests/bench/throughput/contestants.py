"""The processes that are measured: how each is started, and what it leaves behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import redis

from streamseg.topics import CLICKS
from tests.bench.throughput.stage import Stage
from tests.support.processes import stored_rows

ROOT: Final = Path(__file__).parents[3]
PEERS: Final = "tests.bench.peers"


@dataclass(frozen=True)
class Contestant:
    """One process on the stage's broker and store, in the stage's group."""

    name: str
    arguments: Callable[[Stage], Sequence[str]]
    events_by_customer: Callable[[Stage], dict[str, int]] | None
    """What it keeps in the store; None when it keeps nothing."""

    def start(self, stage: Stage) -> "subprocess.Popen[bytes]":
        """Start it; its log goes to the stage's folder, the caller ends it."""
        with (stage.folder / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *self.arguments(stage)],
                env=os.environ | dict(stage.environment),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def check(self, stage: Stage) -> None:
        """Raises `AssertionError` when it does not hold each event of the load once."""
        if self.events_by_customer is None:
            return
        expected = stage.counts()
        held = np.zeros_like(expected)
        for customer, events in self.events_by_customer(stage).items():
            held[int(customer.removeprefix("c-"))] = events
        wrong = int(np.count_nonzero(held != expected))
        assert not wrong, f"{self.name}: {wrong} customers do not have the events that were sent"


def _ours(stage: Stage) -> dict[str, int]:
    rows = stored_rows(stage.environment)
    return {customer: int(rows.events[slot]) for customer, slot in rows.slots.items()}


def _theirs(stage: Stage) -> dict[str, int]:
    with redis.Redis.from_url(stage.redis.url) as client:
        names = list(client.scan_iter("peer:row:*", 5_000))
        held = client.mget(names) if names else []
    return {
        name.decode().removeprefix("peer:row:"): int(row.partition(b" ")[0])
        for name, row in zip(names, held, strict=True)
    }


def _peer(module: str) -> Callable[[Stage], Sequence[str]]:
    return lambda stage: ("-m", f"{PEERS}.{module}", stage.kafka.bootstrap, stage.redis.url, stage.group, CLICKS)


CONTESTANTS: Final = {
    one.name: one
    for one in (
        Contestant("streamseg", lambda _: ("-m", "streamseg.commands", "worker"), _ours),
        Contestant("faust", _peer("faust_app"), _theirs),
        Contestant("limit", _peer("limit"), None),
    )
}
