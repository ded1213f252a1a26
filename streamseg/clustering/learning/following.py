"""Chooses River's step per centre from how fast customers were seen to move away from the centres.

A centre is an exponential mean of the samples that it wins. Its n members come once per round (the learning interval),
in changing order. A step of x / n then adds (x / 2 - tanh(x / 2)) / n of their variance as noise, and the centre lags
D / (e^x - 1) behind members that move by D per round. The step is chosen for which both together are least. D is
measured at each challenge: the gap between River's centres and the present means of their members, less the noise, is
the lag.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats

MOST_STEP: Final = 0.1
"""Also of a centre with fewer than ten members."""
LONGEST_MEMORY: Final = 30.0
"""Rounds of samples that a centre remembers when nothing moves: older samples are left out of challenges too."""
NEWEST_WEIGHT: Final = 0.3
"""Weight of the newest measurement of drift against the earlier ones: about the last three count."""
LEAST_MEMBERS: Final = 5
"""Centres with fewer members say more about chance than about drift."""
LEAST_ROUNDS: Final = 0.25
"""A centre must have won this many samples per member since it was placed: before, it has hardly moved."""


_TRIED: Final = np.geomspace(1.0 / LONGEST_MEMORY, 1.0, 50)
"""Steps per round to choose from."""


def first_steps(members: NDArray[np.intp]) -> tuple[float, ...]:
    """Return the steps (k,) while no drift is measured: a memory of one round, each member once.

    Args:
        members: sampled customers per centre, (k,).
    """
    return tuple(np.minimum(1.0 / np.maximum(members, 1), MOST_STEP).tolist())


def steps_for(drift: float, members: NDArray[np.intp]) -> tuple[float, ...]:
    """Return the best steps (k,) for a drift as `measured` gives it, between memories of one round and of 30.

    A memory of less than one round forgets customers who are still members, and takes the order in which they come for
    drift: the steps then rise from challenge to challenge (on one of three FitGear streams all reached the bound).
    """
    excess = _noise(_TRIED) / np.maximum(members, 1)[:, None] + drift / np.expm1(_TRIED) ** 2
    return tuple((_TRIED[np.argmin(excess, axis=1)] * np.array(first_steps(members))).tolist())


def members_of(nearest: NDArray[np.intp], clusters: int) -> NDArray[np.intp]:
    """Return the number of customers (k,) whose nearest centre (n,) is each of the clusters."""
    return np.bincount(nearest, minlength=clusters)


def measured(
    customers: Floats, centres: Floats, nearest: NDArray[np.intp], steps: Sequence[float], wins: Sequence[int]
) -> float | None:
    """Return how far members move in one round of samples: squared, as a share of the variance within the clusters.

    Never negative. None when no centre has won enough samples to tell.

    Args:
        customers: scaled vectors of the sampled customers, (n, d).
        centres: River's own, (k, d).
        nearest: centre of each customer, (n,).
        steps: by which the centres moved since they were placed, (k,).
        wins: samples that each centre has won since then, (k,).
    """
    moved = total = 0.0
    members = members_of(nearest, len(centres))
    for index in np.flatnonzero(members >= LEAST_MEMBERS).tolist():
        step, own = steps[index], members[index]
        if step <= 0.0 or wins[index] < LEAST_ROUNDS * own:
            continue
        rows = customers[nearest == index]
        mean = rows.mean(axis=0)
        variance = float(((rows - mean) ** 2).sum(axis=1).mean())
        if variance <= 0.0:
            continue
        learned = 1.0 - (1.0 - step) ** wins[index]
        per_round = step * own
        noise = learned**2 * float(_noise(np.array(per_round))) / own * variance
        lag = float(((centres[index] - mean) ** 2).sum() - noise)
        moved += own * lag * (np.expm1(per_round) / learned) ** 2 / variance
        total += own
    return max(moved / total, 0.0) if total else None


def blended(before: float | None, newest: float | None) -> float | None:
    """Return the drift to follow from now on, of the drift so far and a new measurement; None for not measured."""
    if before is None or newest is None:
        return before if newest is None else newest
    return (1.0 - NEWEST_WEIGHT) * before + NEWEST_WEIGHT * newest


def _noise(per_round: Floats) -> Floats:
    """Return the noise of steps per round, as a share of the variance of a single member."""
    noise: Floats = per_round / 2.0 - np.tanh(per_round / 2.0)
    return noise
