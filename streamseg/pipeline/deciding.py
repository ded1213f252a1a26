"""Decides what follows for rows: their segments and audiences, who is sampled, and what is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamseg.clustering.assign import Codes
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.membership.types import OutboxEntry
from streamseg.pipeline.audiences import AudiencesLook, look_at_audiences
from streamseg.pipeline.likeness import look_at_seeds
from streamseg.pipeline.live_audiences import LiveAudiences
from streamseg.pipeline.looking import Looked, look
from streamseg.pipeline.parts import Part
from streamseg.pipeline.publishing import Answers, PublishingRules, publish
from streamseg.pipeline.sampling import SampleRecord, sample, withdrawn_samples
from streamseg.pipeline.segmentation import Segmentation


@dataclass(frozen=True, slots=True)
class Models:
    """By what is decided: the segmentations with their models, the audiences, and when strings are written."""

    segmentations: Sequence[Segmentation]
    """In the order of the rows' segmentations."""
    audiences: LiveAudiences | None
    """None where nothing is declared."""
    publishing: PublishingRules


@dataclass(frozen=True, slots=True)
class Since:
    """What happened to rows since the latest flush, before they are looked at."""

    flushed: Codes | None = None
    """Codes of their segments in the latest flush, parallel to the rows; None if none was looked at since then."""
    answered: Mapping[int, Answers] = field(default_factory=dict)
    """By slot, the codes of the consents in the latest flush, for rows with consents or erasures since then."""
    cleared: Slots = field(default_factory=lambda: NO_SLOTS)
    """Rows that an erasure has cleared; events may have come after it."""
    settles_anew: Slots = field(default_factory=lambda: NO_SLOTS)
    """Those of them that were not looked at since."""


NOTHING_SINCE = Since()


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of rows, parallel to them, and what follows."""

    looked: Looked
    audiences: AudiencesLook | None
    """None where none are declared."""
    entries: list[OutboxEntry]
    """In the order of the rows."""
    samples: list[SampleRecord]
    now: float
    """Their clock when it was decided, epoch seconds."""


def decide(
    rows: Rows,
    slots: Slots,
    models: Models,
    parts: Sequence[Part],
    *,
    now: float,
    earliest: float,
    wall_now: float,
    since: Since = NOTHING_SINCE,
    anew: bool = False,
    settles: bool = True,
    everybody: bool = False,
) -> Decision:
    """Look at rows, sample and publish them.

    Args:
        rows: the slab, which is updated.
        slots: rows to decide, each once, ascending, shape (n,).
        models: by what is decided.
        parts: the partitions of the rows.
        now: their clock, epoch seconds.
        earliest: as for `look`.
        wall_now: wall time, epoch seconds.
        since: what happened to the rows since the latest flush.
        anew: as for `look`.
        settles: as for `look`.
        everybody: as for `sample`.
    """
    segmentations, unknown = models.segmentations, models.publishing.unknown_consent
    looked = look(rows, slots, earliest, segmentations, since.settles_anew, anew=anew, settles=settles)
    looked.compare_with(since.flushed)
    audiences = look_at_audiences(
        rows,
        slots,
        now,
        models.audiences,
        since.cleared,
        answered=since.answered,
        unknown=unknown,
        looked=looked,
    )
    answered = _with_withdrawn(rows, slots, since.answered, unknown=unknown.analytics)
    samples = sample(
        rows,
        slots,
        now,
        segmentations,
        parts,
        unknown=unknown.analytics,
        everybody=everybody,
        seeds=look_at_seeds(rows, slots, looked, audiences, models.audiences),
    )
    entries = publish(
        rows,
        slots,
        looked,
        now=now,
        wall_now=wall_now,
        parts=parts,
        segmentations=segmentations,
        rules=models.publishing,
        answered=answered,
        cleared=since.cleared,
        audiences=audiences,
    )
    return Decision(looked, audiences, entries, samples, now)


def _with_withdrawn(
    rows: Rows, slots: Slots, answered: Mapping[int, Answers], *, unknown: bool
) -> Mapping[int, Answers]:
    """Add the rows whose customers consented to analytics when they were sampled and do not now.

    The entry about it deletes their samples.
    """
    withdrawn = withdrawn_samples(rows, slots, unknown=unknown)
    if not len(withdrawn):
        return answered
    known = dict(answered)
    for slot, codes in zip(withdrawn.tolist(), rows.answers(withdrawn), strict=True):
        ads, personalisation, _ = known.get(slot, codes)
        known[slot] = ads, personalisation, 1
    return known


def first_event(rows: Rows, slots: Slots, wall_now: float) -> float:
    """Return the earliest event of the rows, epoch seconds: the time before a clock has started, as none goes back."""
    return float(np.min(rows.first_seen[slots], initial=wall_now))
