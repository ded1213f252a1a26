"""Samples feature vectors for the trainer, at most one per customer, segmentation and learning interval.

A sample also holds what was observed of the customer in all features of the catalogue: segments are described by more
than what they are learned from.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.sample import RANKS, rank_of
from streamseg.features.catalogue import catalogue
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.vector import heard_names, names_hash, observed, told_texts, vectors
from streamseg.pipeline.likeness import SeedsLook
from streamseg.pipeline.parts import Part, epochs, granted
from streamseg.pipeline.segmentation import Segmentation, is_assignable, is_outside


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A record for `streamseg.samples`: key and encoded `SampleValue`, or None to delete the customer's sample."""

    customer_id: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class SampleValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Value of a sample record. `at` is in epoch seconds on the partition's clock."""

    v: int = 1
    segmentation: str
    customer_id: str
    at: float
    epoch: int = 0
    """Epoch of the partition's lease; samples of earlier releases have none."""
    events: int
    spend_minor: int
    x: tuple[float | None, ...]
    """Feature values, not scaled, in the order of the segmentation's features; null for a missing number."""
    observed: tuple[float | None, ...] = ()
    """What was observed, by feature of the catalogue, to four digits; null without data."""
    observed_names: str = ""
    """Stands for the features of `observed`, see `names_hash`."""
    texts: dict[str, str] = {}
    """What profiles told in words that the settings do not list, by attribute: the city. Descriptions name them."""
    heard: dict[str, str] = {}
    """Names of hash groups that the customer has much of, by feature."""
    seeds: tuple[str, ...] = ()
    """Seeds of look-alikes that the customer is in."""
    uniform: bool = True
    """Whether it is part of the uniform choice of customers; false if it was sent for the sake of a seed only."""

    @property
    def vector(self) -> tuple[float, ...]:
        """The feature values, NaN for a missing number."""
        return tuple(math.nan if value is None else value for value in self.x)


SAMPLE_EPOCH_HEADER: Final = "epoch"
"""Header of a sample's tombstone: epoch of the lease under which the customer was deleted."""
_ENCODE_SAMPLE: Final = msgspec.json.Encoder().encode


def sample(
    rows: Rows,
    slots: Slots,
    now: float,
    segmentations: Sequence[Segmentation],
    parts: Sequence[Part] = (),
    *,
    unknown: bool = True,
    everybody: bool = False,
    seeds: SeedsLook | None = None,
) -> list[SampleRecord]:
    """Return the feature vectors that are due to be learned, and set `learned_at` of their rows.

    If there are many more customers than challenges need, only those with the lowest ranks are sampled (a uniform
    choice), so that the trainer's cost does not grow with the number of customers. Customers beyond the budget stay due
    for a later look (DESIGN.md, Learning and assigning). Nobody is sampled without consent to analytics, or outside of
    the population of a segmentation; the sample of a customer who left it is deleted.

    Args:
        rows: the slab; `learned_at` is updated.
        slots: rows that were looked at, each once, ascending, shape (n,).
        now: time of the look on the partition's clock, epoch seconds.
        segmentations: in the order of the rows' segmentations.
        parts: the partitions of the rows; empty if nothing limits the samples.
        unknown: as for `may_learn`.
        everybody: also those who were sampled lately, and beyond the budget.
        seeds: which of the rows are of the seeds of look-alikes. These are sampled also where the uniform choice leaves
            them out, and whoever enters or leaves a seed at once.
    """
    samples, taken = list[SampleRecord](), list[tuple[Segmentation, Slots]]()
    looked_at, of_epoch = slots, epochs(parts := parts or [Part(len(slots))])
    slots = slots[may_learn(rows, slots, unknown=unknown)]
    for s, segmentation in enumerate(segmentations):
        if segmentation.dropped or segmentation.declared:
            continue
        outside = is_outside(rows, slots, segmentation, now)
        left = slots[outside & (rows.learned_at[slots, s] > 0)]
        rows.learned_at[left, s] = 0
        samples += _deletions(rows, left, of_epoch[np.searchsorted(looked_at, left)], segmentation.name)
        active = slots[is_assignable(rows, slots, segmentation) & ~outside]
        lately = now - rows.learned_at[active, s] < segmentation.learn_interval_seconds
        chosen, moved = _on_purpose(rows, active, segmentation.name, seeds)
        due = active if everybody else active[~lately | moved]
        if segmentation.sampled_share < 1.0:
            bound = segmentation.sampled_share * RANKS
            wanted = np.array([rank_of(rows.customer_ids[slot]) < bound for slot in due.tolist()], dtype=bool)
            wanted |= np.isin(due, active[chosen | moved])
            rows.learned_at[due[~wanted], s] = now
            due = due[wanted]
        if not everybody:
            due = granted(rows, looked_at, due, segmentation=segmentation.name, parts=parts, now=now)
        if not len(due):
            continue
        rows.learned_at[due, s] = now
        taken.append((segmentation, due))
    if not taken:
        return samples
    # What was observed is the same in all segmentations: it is computed once for each customer.
    sampled_slots = np.unique(np.concatenate([due for _, due in taken]))
    told = zip(
        _rounded(observed(rows, sampled_slots, now)).tolist(),
        told_texts(rows, sampled_slots),
        heard_names(rows, sampled_slots, now),
        strict=True,
    )
    known, names = dict(zip(sampled_slots.tolist(), told, strict=True)), names_hash(catalogue(rows.layout))
    for segmentation, due in taken:
        columns = zip(
            due.tolist(),
            of_epoch[np.searchsorted(looked_at, due)].tolist(),
            rows.events[due].tolist(),
            rows.spend_minor[due].tolist(),
            vectors(rows, due, now, segmentation.features).tolist(),
            strict=True,
        )
        of, place = [] if seeds is None else seeds.of.get(segmentation.name, []), dict[int, int]()
        if seeds is not None and of:
            place = dict(zip(due.tolist(), seeds.places(due).tolist(), strict=True))
        bound = segmentation.sampled_share * RANKS
        for slot, epoch, events, spend_minor, vector in columns:
            seen, texts, heard = known[slot]
            customer_id = rows.customer_ids[slot]
            value = SampleValue(
                segmentation=segmentation.name,
                customer_id=customer_id,
                at=now,
                epoch=epoch,
                events=events,
                spend_minor=spend_minor,
                x=tuple(vector),
                observed=tuple(seen),
                observed_names=names,
                texts=texts,
                heard=heard,
                seeds=tuple(one.seed for one in of if seeds is not None and seeds.members[one][place[slot]]),
                uniform=segmentation.sampled_share >= 1.0 or rank_of(customer_id) < bound,
            )
            samples.append(SampleRecord(customer_id, sample_key(segmentation.name, customer_id), _ENCODE_SAMPLE(value)))
    return samples


def _deletions(rows: Rows, slots: Slots, of_epoch: NDArray[np.int64], segmentation: str) -> Iterable[SampleRecord]:
    """Return the records that delete the samples of these rows; epochs are parallel to the slots."""
    for slot, epoch in zip(slots.tolist(), of_epoch.tolist(), strict=True):
        one, header = rows.customer_ids[slot], (SAMPLE_EPOCH_HEADER, b"%d" % epoch)
        yield SampleRecord(one, sample_key(segmentation, one), None, (header,))


def _on_purpose(
    rows: Rows, slots: Slots, segmentation: str, seeds: SeedsLook | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the masks of rows to sample for the sake of a seed, and of those to sample at once, each shape (n,)."""
    chosen, moved = np.zeros(len(slots), dtype=np.bool_), np.zeros(len(slots), dtype=np.bool_)
    for one in [] if seeds is None else seeds.of.get(segmentation, []):
        if seeds is not None:
            places, bound = seeds.places(slots), seeds.shares[one] * RANKS
            member, due = seeds.members[one][places], seeds.due[one][places]
            for at in np.flatnonzero(member | due).tolist():
                wanted = seeds.shares[one] >= 1.0 or rank_of(rows.customer_ids[slots[at]]) < bound
                chosen[at] |= member[at] and wanted
                moved[at] |= due[at] and wanted
    return chosen, moved


def may_learn(rows: Rows, slots: Slots, *, unknown: bool) -> NDArray[np.bool_]:
    """Return the mask of rows whose customers consent to analytics, shape (n,); `unknown` if they never answered."""
    answers = rows.analytics[slots]
    allowed: NDArray[np.bool_] = answers != 0 if unknown else answers > 0
    return allowed


def withdrawn_samples(rows: Rows, slots: Slots, *, unknown: bool) -> Slots:
    """Return the rows that were sampled and may no longer be learned from; they count as never sampled afterwards.

    So a customer who consents again is due at once. `unknown` as for `may_learn`.
    """
    refused = slots[~may_learn(rows, slots, unknown=unknown)]
    sampled = refused[(rows.learned_at[refused] > 0).any(axis=1)]
    rows.learned_at[sampled] = 0
    return sampled


def sample_key(segmentation: str, customer_id: str) -> bytes:
    """Return the key of a customer's sample records. The topic is compacted by it."""
    return f"{segmentation}|{customer_id}".encode()


def sampled(key: bytes | None) -> tuple[str, str]:
    """Return the segmentation and the customer of a `sample_key`."""
    segmentation, _, customer_id = (key or b"").decode(errors="replace").partition("|")
    return segmentation, customer_id


_DIGITS: Final = 4


def _rounded(values: Floats) -> Floats:
    """Round to `_DIGITS` significant digits: a reader needs no more, and a sample is half as long. NaN stays."""
    with np.errstate(divide="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
    factor = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(magnitude), magnitude, 0.0))
    rounded: Floats = np.round(values * factor) / factor
    return rounded
