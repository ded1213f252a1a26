"""What is done to the system, and when: a pure function of the number of faults and the seed."""

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
    "rebalance",
]

WORKERS: Final = 2
"""Those that are always there; a third one joins and leaves."""

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
    "rebalance": (6.0, 12.0),
}
"""From the blow to its end: until a process is started again, let go on, or connected again."""
PAUSE_SECONDS: Final = (1.0, 10.0)
"""From one blow to the next: some overlap, some stand alone."""
FIRST_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One blow. Times in seconds since the load began."""

    at: float
    kind: Kind
    target: int
    """Which worker, where that matters."""
    seconds: float


def schedule(faults: int, seed: int) -> list[Fault]:
    """So many faults, every kind about equally often, in an order of the seed's."""
    rng, order = random.Random(seed), random.Random(f"order {seed}")  # a longer run begins like a shorter one
    kinds: list[Kind] = []
    while len(kinds) < faults:
        kinds += order.sample(list(SECONDS), len(SECONDS))
    planned, at = [], FIRST_SECONDS
    for kind in kinds[:faults]:
        seconds = round(rng.uniform(*SECONDS[kind]), 2)
        planned.append(Fault(round(at, 2), kind, rng.randrange(WORKERS), seconds))
        at += rng.uniform(*PAUSE_SECONDS)
    return planned
