"""The durable model of one segmentation: plain numbers, versioned, restored to the last bit. Never pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamseg.clustering.encode import Scale
from streamseg.clustering.identity import Lineage
from streamseg.errors import StreamsegError

FORMAT: Final = 1


class SnapshotRefusedError(StreamsegError):
    """A snapshot that this process cannot use: of a newer format, damaged, or made under other settings."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How far the first model is. It is placed when customers and events reach what is needed, or patience ends."""

    customers: int
    customers_needed: int
    median_events: float
    events_needed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the model of a segmentation.

    `centres` (k, d) are in the scaled space of `scale`, as River holds them, so that they come back bit by bit;
    `scale.undo` gives them in log space, where they keep their meaning whatever becomes of the scale. While warming up
    there are neither centres nor segments, and everybody is unassigned.
    """

    segmentation: str
    version: int
    """Counts the snapshots of a segmentation from 1."""
    parent: int
    """The version that this one follows; 0 for the first."""
    generation: int
    """Raised when a fresh model was adopted or a segment got another id: then everybody is assigned again."""
    clusterer: str
    features: tuple[str, ...]
    skewed: tuple[bool, ...]
    """Which features go through log1p."""
    scale: Scale
    """The scale in force: that of the last challenge."""
    centres: tuple[tuple[float, ...], ...]
    segments: tuple[str, ...]
    """Segment ids in the order of the centres."""
    counts: tuple[int, ...]
    """How many samples each centre has won since it was placed."""
    learned: int
    """Samples that were taken in."""
    samples_offset: int
    """The last offset of the samples topic that is in here; -1 for none."""
    first_sample_at: float | None
    """Event time, epoch seconds, as the two that follow."""
    learned_until: float | None
    last_challenge_at: float | None
    warm_up: WarmUp
    sampled_share: float = 1.0
    """Of all customers, by rank from the lowest, whose vectors are wanted from now on."""
    drift: tuple[float, ...] = ()
    """What the drift detector has been fed since it was made; `drift_open` is the interval that is still filling."""
    drift_open: tuple[float, ...] = ()
    retired: tuple[str, ...] = ()
    """Ids that no segment gets again."""
    lineage: tuple[Lineage, ...] = ()
    """The latest transitions, oldest first."""
    quintiles: tuple[tuple[float, ...], ...] = ()
    """Per feature the four borders between the quintiles of the customers that the last challenge was fitted on."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What a clusterer other than KMeans needs beside its centres."""

    @property
    def warm(self) -> bool:
        """Whether there are segments to assign to."""
        return bool(self.centres)

    def to_json(self) -> bytes:
        """Compact JSON. Floats are written so that reading gives the same bits."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Snapshot":
        """Read what `to_json` wrote. Unknown fields are ignored. Raises `SnapshotRefusedError`."""
        try:
            read = json.loads(data)
            written = int(read["format"])
        except (ValueError, TypeError, KeyError) as error:
            raise SnapshotRefusedError(f"snapshot is not readable: {error!r}") from None
        if written > FORMAT:
            raise SnapshotRefusedError(
                f"snapshot of {read.get('segmentation')} has format {written}, this version reads up to {FORMAT}"
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
                    "retired": tuple(read["retired"]),
                    "quintiles": tuple(tuple(map(float, borders)) for borders in read.get("quintiles", ())),
                    "lineage": tuple(_lineage(entry) for entry in read["lineage"]),
                }
            )
        except (ValueError, TypeError, KeyError) as error:
            raise SnapshotRefusedError(f"snapshot of {read.get('segmentation')} is damaged: {error!r}") from None


def _scale(read: dict[str, list[float]]) -> Scale:
    return Scale(tuple(map(float, read["mean"])), tuple(map(float, read["variance"])))


def _lineage(read: dict[str, Any]) -> Lineage:
    related = tuple((str(segment), float(overlap)) for segment, overlap in read["related"])
    return Lineage(read["at"], read["transition"], read["segment"], related)
