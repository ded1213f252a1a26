"""The durable model of one segmentation: versioned plain numbers in JSON, restored bit for bit. Never pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamseg.clustering.challenged import Challenged
from streamseg.clustering.encode import Scale
from streamseg.clustering.handover import Handover
from streamseg.clustering.lineage import Lineage
from streamseg.errors import StreamsegError

FORMAT: Final = 1


class SnapshotRefusedError(StreamsegError):
    """A snapshot that this process cannot use: a newer format, damaged, or made with other settings."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Progress towards the first model: it is placed when customers and median events reach what is needed.

    After `Snapshot.warm_up_ends_at`, `Snapshot.customers_needed_late` customers with any number of events suffice.
    """

    customers: int
    customers_needed: int
    median_events: float
    events_needed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the model of a segmentation.

    During warm-up there are neither centres nor segments, and everybody is unassigned.
    """

    segmentation: str
    version: int
    """Number of this snapshot of the segmentation, from 1."""
    parent: int
    """The version before this one; 0 for the first."""
    generation: int
    """Raised when a fresh model moved customers or a segment got another id: then everybody is assigned again."""
    clusterer: str
    features: tuple[str, ...]
    skewed: tuple[bool, ...]
    """Which features are transformed by log1p."""
    scale: Scale
    """The scale of the last challenge."""
    centres: tuple[tuple[float, ...], ...]
    """(k, d) in the scaled space of `scale`, as River holds them, so that they are restored bit for bit. `scale.undo`
    gives them in log space, where they keep their meaning when the scale changes."""
    segments: tuple[str, ...]
    """Segment ids in the order of the centres."""
    counts: tuple[int, ...]
    """Samples that each centre has won since it was placed."""
    learned: int
    """Number of samples learned."""
    samples_offset: int
    """Offset of the last learned record of the samples topic; -1 for none."""
    first_sample_at: float | None
    """Event time in epoch seconds, like the two that follow."""
    learned_until: float | None
    last_challenge_at: float | None
    warm_up: WarmUp
    warm_up_ends_at: float | None = None
    """Event time, epoch seconds, from which the first model needs fewer customers; None before the first sample."""
    customers_needed_late: int = 0
    """Customers that the first model needs from then on."""
    customers_alike: bool = False
    """Whether the customers of the last attempt were all alike, so that there was nothing to tell them apart by."""
    sampled_share: float = 1.0
    """Share of all customers, by rank from the lowest, whose vectors are wanted from now on."""
    drift: tuple[float, ...] = ()
    """All values fed to the drift detector since it was made."""
    drift_open: tuple[float, ...] = ()
    """State of the drift interval that is still filling, see `DriftWatch.filling`."""
    retired: tuple[str, ...] = ()
    """Segment ids that are never given again."""
    lineage: tuple[Lineage, ...] = ()
    """The latest transitions, oldest first."""
    quintiles: tuple[tuple[float, ...], ...] = ()
    """Per feature, the four borders between the quintiles of the customers that the last challenge was fitted on."""
    steps: tuple[float, ...] = ()
    """Per centre, the share of the way by which it moves to a sample that it wins; empty in older snapshots."""
    drift_per_round: float | None = None
    """Measured drift of the customers, see `following.measured`; None before the first measurement."""
    backfills: Mapping[str, float] = field(default_factory=dict)
    """By number of a partition, the end of its latest backfill that the model was relearned for, epoch seconds of its
    clock."""
    relearned: int = 0
    """The generation when the model was last relearned because a backfill had ended."""
    regret: float = 0.0
    """What staying in the optimum of this model has cost so far, see `challenge`."""
    handover: Handover | None = None
    """The model before, while customers still move to this one; None at rest and in older snapshots."""
    challenges: tuple[Challenged, ...] = ()
    """The latest challenges, oldest first; none in older snapshots."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What the clusterer needs beside its centres, see `Clusterer.state`; empty for KMeans."""

    @property
    def warm(self) -> bool:
        """Whether there are segments to assign to."""
        return bool(self.centres)

    @property
    def progress(self) -> float:
        """How much of what the first model needs is there, 0 to 1; 1 once there are segments."""
        if self.warm:
            return 1.0
        one = self.warm_up
        shares = (one.customers / max(one.customers_needed, 1), one.median_events / max(one.events_needed, 1))
        return min(*shares, 1.0)

    @property
    def provisional_until(self) -> float | None:
        """Event time, epoch seconds, up to which the segments are provisional: made early, of too little; else None."""
        one, ends = self.warm_up, self.warm_up_ends_at
        enough = one.customers >= one.customers_needed and one.median_events >= one.events_needed
        if not self.warm or enough or ends is None or (self.learned_until or 0.0) >= ends:
            return None
        return ends

    @property
    def closing(self) -> tuple[str, ...]:
        """Ids of the segments that end with the handover: they keep their members until then and win no others."""
        return () if self.handover is None else self.handover.closing(self.segments)

    def to_json(self) -> bytes:
        """Return compact JSON, from which `from_json` restores every float to the last bit."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Snapshot":
        """Read what `to_json` wrote, ignoring unknown fields.

        Raises `SnapshotRefusedError` when the data are damaged or of a newer format.
        """
        try:
            read = json.loads(data)
            written = int(read["format"])
        except (ValueError, TypeError, KeyError) as error:
            raise SnapshotRefusedError(f"snapshot cannot be read: {error!r}") from None
        if written > FORMAT:
            raise SnapshotRefusedError(
                f"snapshot of {read.get('segmentation')} has format {written}, but this version reads up to {FORMAT}:"
                " upgrade streamseg"
            )
        try:
            given = {name: read[name] for name in cls.__dataclass_fields__ if name in read}
            return cls(
                **given
                | {
                    "features": tuple(read["features"]),
                    "skewed": tuple(read["skewed"]),
                    "scale": _scale(read["scale"]),
                    "centres": tuple(tuple(map(float, centre)) for centre in read["centres"]),
                    "segments": tuple(read["segments"]),
                    "counts": tuple(read["counts"]),
                    "warm_up": WarmUp(**read["warm_up"]),
                    "drift": tuple(read["drift"]),
                    "drift_open": tuple(read["drift_open"]),
                    "steps": tuple(map(float, read.get("steps", ()))),
                    "retired": tuple(read["retired"]),
                    "quintiles": tuple(tuple(map(float, borders)) for borders in read.get("quintiles", ())),
                    "lineage": tuple(_lineage(entry) for entry in read["lineage"]),
                    "challenges": tuple(Challenged(**entry) for entry in read.get("challenges", ())),
                    "handover": _handover(read.get("handover")),
                }
            )
        except (ValueError, TypeError, KeyError) as error:
            raise SnapshotRefusedError(f"snapshot of {read.get('segmentation')} is damaged: {error!r}") from None


def _scale(read: dict[str, Any]) -> Scale:
    bound = read.get("bound")
    mean, variance = (tuple(map(float, read[name])) for name in ("mean", "variance"))
    return Scale(mean, variance, None if bound is None else float(bound))


def _handover(read: dict[str, Any] | None) -> Handover | None:
    if read is None:
        return None
    centres = tuple(tuple(map(float, centre)) for centre in read["centres"])
    return Handover(tuple(read["segments"]), centres, float(read["begins"]), float(read["ends"]))


def _lineage(read: dict[str, Any]) -> Lineage:
    related = tuple((str(segment), float(overlap)) for segment, overlap in read["related"])
    return Lineage(read["at"], read["transition"], read["segment"], related, read.get("closes"))
