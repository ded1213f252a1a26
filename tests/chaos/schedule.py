"""Plan the faults: what happens when, as a pure function of the number of faults and the seed."""

import random
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "kill_worker",
    "kill_trainer",
    "kill_redis",
    "cut_redis_tail",
    "kill_broker",
    "freeze_worker",
    "cut_worker_from_redis",
    "cut_worker_from_broker",
    "erase",
    "withdraw_ads",
    "abort_transaction",
    "hold_transaction",
    "poison_record",
    "fail_producer",
    "rebalance",
]

WORKERS: Final = 2
"""Number of permanent workers. `rebalance` starts one more and stops it again."""

SECONDS: Final[dict[Kind, tuple[float, float]]] = {
    "kill_worker": (0.5, 2.0),
    "kill_trainer": (0.5, 2.0),
    "kill_redis": (0.2, 3.0),
    "cut_redis_tail": (0.2, 2.0),
    "kill_broker": (0.2, 2.0),
    "freeze_worker": (7.0, 12.0),
    "cut_worker_from_redis": (0.5, 9.0),
    "cut_worker_from_broker": (0.5, 12.0),
    "erase": (0.0, 0.0),
    "withdraw_ads": (1.0, 6.0),
    "abort_transaction": (0.5, 4.0),
    "hold_transaction": (3.0, 8.0),
    "poison_record": (0.0, 0.0),
    "fail_producer": (0.0, 0.0),
    "rebalance": (6.0, 12.0),
}
"""Shortest and longest duration of a fault: until the process is restarted, resumed or reconnected, the transaction
ended, or the consent withdrawn again."""
PAUSE_SECONDS: Final = (1.0, 10.0)
"""Shortest and longest time between the starts of two faults. Some overlap."""
FIRST_SECONDS: Final = 5.0
"""Time of the first fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault."""

    at: float
    """Seconds since the load began."""
    kind: Kind
    target: int
    """Number of the worker, for faults of a worker."""
    seconds: float
    """Duration."""


def schedule(faults: int, seed: int) -> list[Fault]:
    """Return this many faults, evenly spread over all kinds, in random order."""
    rng, order = random.Random(seed), random.Random(f"order {seed}")  # two, so that a longer plan extends a shorter one
    kinds: list[Kind] = []
    while len(kinds) < faults:
        kinds += order.sample(list(SECONDS), len(SECONDS))
    planned, at = [], FIRST_SECONDS
    for kind in kinds[:faults]:
        seconds = round(rng.uniform(*SECONDS[kind]), 2)
        planned.append(Fault(round(at, 2), kind, rng.randrange(WORKERS), seconds))
        at += rng.uniform(*PAUSE_SECONDS)
    return planned
