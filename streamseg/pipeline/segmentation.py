"""A segmentation as the path needs it, and which customers it can place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Assigner
from streamseg.features.layout import NEVER
from streamseg.features.rows import Rows, Slots


@dataclass(frozen=True, slots=True)
class Segmentation:
    """One segmentation as the path needs it: its features and rules, and the current model, None while warming up."""

    name: str
    features: tuple[str, ...]
    margin: float
    looks: int
    learn_interval_seconds: float
    assigner: Assigner | None = None
    version: int = 0
    public_from: float = 0.0
    """Wall time, epoch seconds, from which memberships and changes tell of it; infinite while it is in shadow."""
    attributes: tuple[int, ...] = ()
    """Positions of its attributes, where it goes by attributes alone: then one of them must be known to be assigned."""
    sampled_share: float = 1.0
    """Of the customers, by rank, how many are sampled at all: the model says how many its challenges need."""
    dropped: bool = False
    """Given up: nothing is learned any more, and everybody leaves it."""


def is_known(rows: Rows, slots: Slots) -> NDArray[np.bool_]:
    """Which rows hold a customer, and not just the marker of an erasure or nothing at all."""
    return rows.last_seen[slots] > NEVER


def has_behaviour(rows: Rows, slots: Slots) -> NDArray[np.bool_]:
    """Which rows have a click or a purchase to go by; others stay unassigned."""
    return (rows.last_click[slots] > NEVER) | (rows.last_purchase[slots] > NEVER)


def has_grounds(rows: Rows, slots: Slots, segmentation: Segmentation) -> NDArray[np.bool_]:
    """Which rows have what the segmentation goes by: attributes where it knows nothing else, else behaviour."""
    if not segmentation.attributes:
        return has_behaviour(rows, slots)
    missing = np.isnan(rows.attributes[slots][:, segmentation.attributes])
    grounds: NDArray[np.bool_] = is_known(rows, slots) & ~missing.all(axis=1)
    return grounds
