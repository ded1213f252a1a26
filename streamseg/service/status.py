"""What `streamseg status` shows: the facts of one moment, read from the stores, beside what Kafka says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from streamseg.clustering.identity import segmentation_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.ports import KafkaView, ModelStore, StateStore, WorkerReport, WorkerReports
from streamseg.ports.operating import owner_of
from streamseg.service.segments import read_catalogue
from streamseg.time_units import HOUR_SECONDS
from streamseg.topics import INPUT_TOPICS, SAMPLES, SAMPLES_PARTITION


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The latest model of a segmentation; `learned_until`: time of the last sample, on the clock of the events.

    `version` is 0 before the first snapshot. `warm`: there are segments to assign to.
    """

    segmentation: str
    version: int
    learned_until: float | None
    segments: int
    warm: bool


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """What the stores say. `owners` has the owner of each partition, "" where nobody has claimed it yet."""

    owners: tuple[str, ...]
    reports: Mapping[str, WorkerReport]
    sizes: Mapping[str, int]
    labels: Mapping[str, str]
    models: tuple[ModelFacts, ...]


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """One partition number over all input topics. `member` and `owner` are None where nobody has it."""

    number: int
    member: str | None
    owner: str | None
    reported: bool
    lag_records: int
    lag_seconds: float | None
    membership_seconds: float | None
    """Age of its oldest membership at most."""


@dataclass(frozen=True, slots=True)
class Status:
    """One moment. `kafka` and `stored` are None while their server is away, which `away` says in words."""

    at: float
    kafka: KafkaView | None
    stored: StoredFacts | None
    away: tuple[str, ...] = ()

    @property
    def partitions(self) -> list[PartitionFacts]:
        """Every partition that a server knows of, by number."""
        known = max(self.kafka.partitions if self.kafka else 0, len(self.stored.owners) if self.stored else 0)
        return [self._partition(number) for number in range(known)]

    @property
    def samples(self) -> tuple[int, float | None]:
        """Samples that the trainer has not learned, and the age of the oldest in seconds."""
        if self.kafka is None:
            return 0, None
        one = next((one for one in self.kafka.lags if (one.topic, one.partition) == (SAMPLES, SAMPLES_PARTITION)), None)
        return (0, None) if one is None else (one.records, self._age(one.oldest_at))

    @property
    def freshness_seconds(self) -> float | None:
        """Age of the oldest event that is in no membership yet; 0 when all are, None when unknown."""
        if self.kafka is None:
            return None
        behind = [one.lag_seconds for one in self.partitions if one.lag_records]
        known = [seconds for seconds in behind if seconds is not None]
        return max(known, default=None if behind else 0.0)

    @property
    def oldest_membership_seconds(self) -> float | None:
        """Age of the oldest membership at most; None before the first sweep."""
        ages = [one.membership_seconds for one in self.partitions if one.membership_seconds is not None]
        return max(ages, default=None)

    @property
    def workers(self) -> list[WorkerReport]:
        """The workers that report, by name."""
        return [] if self.stored is None else [report for _, report in sorted(self.stored.reports.items())]

    @property
    def events_in_hour(self) -> int | None:
        """Records of the input topics in the last hour less the probes of the present workers; None when unknown.

        Probes of workers that have ended, or were started again, count as events: nobody knows how many there were.
        """
        if self.kafka is None or self.stored is None:
            return None
        return max(0, self.kafka.records_in_hour - sum(self._probes_of(one) for one in self.workers))

    def _probes_of(self, worker: WorkerReport) -> int:
        if not worker.probe_seconds:
            return 0
        begin = max(worker.started_at, self.at - HOUR_SECONDS)
        sent = self.at // worker.probe_seconds - begin // worker.probe_seconds
        return max(0, int(sent)) * len(worker.partitions)

    def model_seconds(self, model: ModelFacts) -> float | None:
        """Return the time since the last sample that a model has learned, on the clock of the events."""
        clocks = [one.now for report in self.workers for one in report.partitions]
        if model.learned_until is None or not clocks:
            return None
        return max(0.0, max(clocks) - model.learned_until)

    def _partition(self, number: int) -> PartitionFacts:
        kafka, stored = self.kafka, self.stored
        members = kafka.members if kafka else ()
        member = next((one.name for one in members if number in one.partitions), None)
        owner = (stored.owners[number] or None) if stored and number < len(stored.owners) else None
        report = owner_of(stored.reports, number) if stored else None
        records, oldest_at = kafka.lag_of(number, INPUT_TOPICS) if kafka else (0, None)
        return PartitionFacts(
            number=number,
            member=member,
            owner=owner,
            reported=report is not None and report.owner == owner,
            lag_records=records,
            lag_seconds=self._age(oldest_at),
            membership_seconds=_membership_seconds(report, number),
        )

    def _age(self, at: float | None) -> float | None:
        return None if at is None else max(0.0, self.at - at)

    def as_json(self, problems: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Return the names and values of `streamseg status --json`."""
        stored, kafka, samples = self.stored, self.kafka, self.samples
        return {
            "at": round(self.at, 3),
            "right": not problems and not self.away,
            "problems": list(problems),
            "away": list(self.away),
            "members": [asdict(one) for one in kafka.members] if kafka else None,
            "workers": [_worker(one) for one in self.workers] if stored else None,
            "partitions": [_rounded(asdict(one)) for one in self.partitions],
            "freshness_seconds": _round(self.freshness_seconds),
            "oldest_membership_seconds": _round(self.oldest_membership_seconds),
            "samples": {"records": samples[0], "seconds": _round(samples[1])} if kafka else None,
            "models": [asdict(one) | {"age_seconds": _round(self.model_seconds(one))} for one in stored.models]
            if stored
            else None,
            "segments": [
                {"id": segment, "segmentation": segmentation_of(segment), "label": stored.labels[segment], "size": size}
                for segment, size in stored.sizes.items()
            ]
            if stored
            else None,
            "dead_letters": {
                "kept": kafka.dead_letters,
                "in_hour": kafka.dead_letters_in_hour,
                "events_in_hour": self.events_in_hour,
            }
            if kafka
            else None,
        }


async def read_stored(
    state: StateStore,
    models: ModelStore,
    reports: WorkerReports,
    segmentations: Sequence[str],
    partitions: int | None = None,
) -> StoredFacts:
    """Read what the stores say, of these segmentations. Raises `StoreUnavailableError`.

    Without the number of `partitions`, those after one that nobody has claimed are not looked for.
    """
    owners: list[str] = []
    sizes: Counter[str] = Counter()
    while partitions is None or len(owners) < partitions:
        metadata = await state.metadata(len(owners))
        if metadata is None and partitions is None:
            break
        owners.append("" if metadata is None else metadata.owner)
        if metadata is not None:
            sizes.update({segment: size for segment, size in metadata.sizes.items() if size > 0})
    catalogue = await read_catalogue(models)
    return StoredFacts(
        owners=tuple(owners),
        reports=await reports.read(sorted({*owners} - {""})),
        sizes=dict(sizes.most_common()),
        labels={segment: str(catalogue.get(segment, {}).get("label", segment)) for segment in sizes},
        models=tuple([_model(name, await models.snapshot(name)) for name in segmentations]),
    )


def _model(segmentation: str, stored: bytes | None) -> ModelFacts:
    if stored is None:
        return ModelFacts(segmentation, 0, None, 0, warm=False)
    snapshot = Snapshot.from_json(stored)
    return ModelFacts(
        segmentation, snapshot.version, snapshot.learned_until, len(snapshot.segments), warm=snapshot.warm
    )


def _membership_seconds(report: WorkerReport | None, number: int) -> float | None:
    mine = next((one for one in report.partitions if one.number == number), None) if report else None
    if mine is None or mine.oldest_membership is None:
        return None
    return max(0.0, mine.now - mine.oldest_membership)


def _worker(report: WorkerReport) -> dict[str, Any]:
    return {
        "owner": report.owner,
        "version": report.version,
        "started_at": round(report.started_at, 3),
        "reported_at": round(report.at, 3),
        "trains": report.trains,
        "partitions": [one.number for one in report.partitions],
        "waits": [
            {"partition": one.partition, "for": one.whom, "seconds": round(one.seconds, 1)} for one in report.waits
        ],
    }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    names = {"number": "partition"}
    return {names.get(name, name): _round(value) if name.endswith("_seconds") else value for name, value in row.items()}


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
