"""Defines a segmentation as the path needs it, and which rows can be assigned in it.

What decides its segments, its *decider*, is either clustered, the nearest centre of a model, or declared, the first
rule that holds (`audiences/ordered.py`). All else about segmentations is the same for both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Assigner
from streamseg.clustering.population import OF_ROWS, Population
from streamseg.features.fields import NEVER
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.vector import observed


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segmentation: what the decider needs, who belongs, and who may see it.

    A clustered one has features, rules for settling and learning, and a model (None during warm-up). The rules of a
    declared one are compiled together with those of audiences, see `LiveAudiences`.
    """

    name: str
    features: tuple[str, ...] = ()
    margin: float = 0.0
    """How much nearer another segment must be to count, as a share (0-1) of the distance to the own one."""
    looks: int = 1
    """Ticks in a row at whose end it must be nearer."""
    learn_interval_seconds: float = 0.0
    assigner: Assigner | None = None
    version: int = 0
    """Version of the current snapshot; 0 without one."""
    public_from: float = 0.0
    """Wall time, epoch seconds, from which memberships and changes include it; infinite while in shadow."""
    attributes: tuple[int, ...] = ()
    """Indices of its attributes if all its features come from attributes, else empty; see `is_assignable`."""
    sampled_share: float = 1.0
    """Share (0-1) of the customers to sample, chosen by rank; the model says how many its challenges need."""
    look_interval_seconds: float = 60.0
    """Length of a tick: the looks in it count once. Whole seconds, since rows keep their times in them."""
    population: Population | None = None
    """Who belongs to it at all; None for everybody. All others are in its declared group (`identity.OUTSIDE`)."""
    declared: bool = False
    """Whether its decider is declared: nothing is learned, and one look decides."""
    dropped: bool = False
    """Whether it was dropped: nothing is learned, and all customers exit their segments."""


def is_known(rows: Rows, slots: Slots) -> NDArray[np.bool_]:
    """Return the mask of rows with events, shape (n,); False for fresh rows and erasure markers."""
    return rows.last_seen[slots] > NEVER


def has_behaviour(rows: Rows, slots: Slots) -> NDArray[np.bool_]:
    """Return the mask of rows with a click or a purchase, shape (n,)."""
    return (rows.last_click[slots] > NEVER) | (rows.last_purchase[slots] > NEVER)


def is_assignable(rows: Rows, slots: Slots, segmentation: Segmentation) -> NDArray[np.bool_]:
    """Return the mask of rows that can be assigned, shape (n,).

    A segmentation by attributes alone needs one of them to be known; any other needs a click or a purchase.
    """
    if not segmentation.attributes:
        return has_behaviour(rows, slots)
    missing = np.isnan(rows.attributes[slots][:, segmentation.attributes])
    assignable: NDArray[np.bool_] = is_known(rows, slots) & ~missing.all(axis=1)
    return assignable


def is_outside(rows: Rows, slots: Slots, segmentation: Segmentation, at: float | Floats) -> NDArray[np.bool_]:
    """Return the mask of known rows that do not belong to the segmentation at a moment (epoch seconds), shape (n,)."""
    if segmentation.population is None or segmentation.dropped or not len(slots):
        return np.zeros(len(slots), dtype=np.bool_)
    values = figures(rows, slots, segmentation.population, at)
    return is_known(rows, slots) & ~segmentation.population.holds(values)


def figures(rows: Rows, slots: Slots, population: Population, at: float | Floats) -> Floats:
    """Return what the rule of a population compares, at a moment, shape (n,); NaN where it is not known."""
    if population.figure in OF_ROWS:
        counts: Floats = rows.slab[population.figure][slots].astype(np.float64)
        return counts
    found: Floats = observed(rows, slots, at, [population.figure])[:, 0]
    return found
