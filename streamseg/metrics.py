"""Every metric, in one list: name, type, unit, labels, meaning. Seconds and bytes; never a customer in a label."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from threading import Thread
from typing import Final, Literal
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from streamseg.errors import SettingsError

LATENCY_BUCKETS_SECONDS: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
"""Aligned to the edges of the objectives; 300 s is the end of what still counts as live."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. `attribute` is its name on `Metrics`; the name ends in the unit, where there is one."""

    attribute: str
    name: str
    type: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What one of it is: `seconds`, `bytes`, or the things counted."""
        return self.name.removesuffix("_total").rpartition("_")[2]


METRICS: Final = (
    MetricSpec("records", "streamseg_intake_records_total", "counter", "records taken off Kafka", ("topic",)),
    MetricSpec("events", "streamseg_intake_events_total", "counter", "events that their rows now hold", ("topic",)),
    MetricSpec(
        "rejected", "streamseg_intake_rejected_total", "counter", "records sent to dead letters", ("topic", "reason")
    ),
    MetricSpec(
        "duplicates", "streamseg_intake_duplicates_total", "counter", "events sent twice by a producer", ("topic",)
    ),
    MetricSpec(
        "replayed", "streamseg_intake_replayed_total", "counter", "records read again after a rewind", ("topic",)
    ),
    MetricSpec(
        "lag", "streamseg_intake_lag_records", "gauge", "records appended but not committed", ("topic", "partition")
    ),
    MetricSpec("resets", "streamseg_flow_resets_total", "counter", "times a partition was read again", ("partition",)),
    MetricSpec(
        "missed",
        "streamseg_flow_missed_records_total",
        "counter",
        "records that retention removed before they were read",
        ("topic",),
    ),
    MetricSpec("paused", "streamseg_flow_paused", "gauge", "1 while a partition waits for the store", ("partition",)),
    MetricSpec(
        "event_to_membership",
        "streamseg_flow_event_to_membership_seconds",
        "histogram",
        "from appending an event to its effect readable in the store; of the first and last event of each run",
    ),
    MetricSpec("flush_duration", "streamseg_flow_flush_seconds", "histogram", "a fenced write of a partition"),
    MetricSpec(
        "checkpoint_timestamp",
        "streamseg_flow_checkpoint_timestamp_seconds",
        "gauge",
        "when the partition's checkpoint last moved, epoch",
        ("partition",),
    ),
    MetricSpec("rows_in_memory", "streamseg_store_rows_in_memory", "gauge", "customers in memory"),
    MetricSpec(
        "departures", "streamseg_membership_departures_total", "counter", "customers who left after the retention time"
    ),
    MetricSpec("evictions", "streamseg_store_evictions_total", "counter", "rows that left memory for want of room"),
    MetricSpec(
        "store_errors", "streamseg_store_errors_total", "counter", "calls that the store did not answer", ("operation",)
    ),
    MetricSpec(
        "moves",
        "streamseg_membership_changes_total",
        "counter",
        "segments entered and exited",
        ("segmentation", "change"),
    ),
    MetricSpec(
        "segment_members",
        "streamseg_membership_members",
        "gauge",
        "members on the partitions of this worker; sum over workers",
        ("segmentation", "segment"),
    ),
    MetricSpec("model_version", "streamseg_model_version", "gauge", "version in use by this worker", ("segmentation",)),
    MetricSpec(
        "learned", "streamseg_model_learned_samples", "gauge", "samples in the published model", ("segmentation",)
    ),
    MetricSpec(
        "challenges",
        "streamseg_model_challenges_total",
        "counter",
        "fresh fits tried against the running model",
        ("segmentation", "outcome"),
    ),
    MetricSpec(
        "inertia",
        "streamseg_model_inertia",
        "gauge",
        "sum of squared scaled distances over the sample, of the model that won the last challenge",
        ("segmentation",),
    ),
    MetricSpec(
        "requests", "streamseg_api_request_seconds", "histogram", "answers of the API", ("route", "method", "code")
    ),
    MetricSpec("lookups", "streamseg_api_lookups_total", "counter", "customers looked up", ("result",)),
    MetricSpec("streams", "streamseg_api_streams", "gauge", "event streams held open"),
    MetricSpec("received", "streamseg_api_events_total", "counter", "events sent to the API", ("result",)),
    MetricSpec("webhooks", "streamseg_api_webhooks_total", "counter", "attempts to deliver a webhook", ("outcome",)),
    MetricSpec("build_info", "streamseg_build_info", "gauge", "1, with the version as label", ("version",)),
)


class Metrics:
    """The metrics of one process, registered in a registry of its own."""

    records: Counter
    events: Counter
    rejected: Counter
    duplicates: Counter
    replayed: Counter
    lag: Gauge
    resets: Counter
    missed: Counter
    paused: Gauge
    event_to_membership: Histogram
    flush_duration: Histogram
    checkpoint_timestamp: Gauge
    rows_in_memory: Gauge
    departures: Counter
    evictions: Counter
    store_errors: Counter
    moves: Counter
    segment_members: Gauge
    model_version: Gauge
    learned: Gauge
    challenges: Counter
    inertia: Gauge
    requests: Histogram
    lookups: Counter
    streams: Gauge
    received: Counter
    webhooks: Counter
    build_info: Gauge

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._standing: dict[Gauge, set[tuple[str, ...]]] = {}
        self._server: WSGIServer | None = None
        self._thread: Thread | None = None
        for spec in METRICS:
            setattr(self, spec.attribute, self._made(spec))
        ProcessCollector(registry=self.registry)
        self.build_info.labels(version=version("streamseg")).set(1)

    def stand(self, gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """Let `gauge` tell these values and no others: what this process gave away must not be counted twice."""
        for gone in self._standing.get(gauge, set()) - values.keys():
            gauge.remove(*gone)
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        self._standing[gauge] = set(values)

    def _made(self, spec: MetricSpec) -> Counter | Gauge | Histogram:
        match spec.type:
            case "counter":
                return Counter(spec.name, spec.meaning, spec.labels, registry=self.registry)
            case "gauge":
                return Gauge(spec.name, spec.meaning, spec.labels, registry=self.registry)
            case "histogram":
                return Histogram(
                    spec.name, spec.meaning, spec.labels, registry=self.registry, buckets=LATENCY_BUCKETS_SECONDS
                )

    def serve(self, host: str, port: int) -> int:
        """Answer /metrics from a thread until `close`; the port, which the system chooses when 0 is asked for.

        Raises `SettingsError` when the port is not to be had.
        """
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise SettingsError(f"metrics cannot be served on {host}:{port}: {error.strerror}") from None
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop answering, if it ever began."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None
