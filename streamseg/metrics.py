"""All metrics of streamseg in one table, and their registry.

Units are seconds and bytes. No label may hold a customer id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from threading import Thread
from typing import Any, Final, Literal
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from streamseg.errors import SettingsError

LATENCY_BUCKETS_SECONDS: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
"""Include the limits of the latency objectives. Above 300 s an event no longer counts as live."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: its `attribute` on `Metrics`, its Prometheus name, which ends in the unit, and its help text."""

    attribute: str
    name: str
    type: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Return the unit: `seconds`, `bytes`, or the things counted."""
        return self.name.removesuffix("_total").rpartition("_")[2]


METRICS: Final = (
    MetricSpec("records", "streamseg_intake_records_total", "counter", "Records read from Kafka", ("topic",)),
    MetricSpec("events", "streamseg_intake_events_total", "counter", "Events absorbed into rows", ("topic",)),
    MetricSpec(
        "rejected",
        "streamseg_intake_rejected_total",
        "counter",
        "Records rejected and sent to the dead letters",
        ("topic", "reason"),
    ),
    MetricSpec(
        "adjusted",
        "streamseg_intake_adjusted_total",
        "counter",
        "Events accepted with this field normalised or left out",
        ("field",),
    ),
    MetricSpec(
        "duplicates",
        "streamseg_intake_duplicates_total",
        "counter",
        "Events skipped because the producer sent them twice",
        ("topic",),
    ),
    MetricSpec(
        "replayed",
        "streamseg_intake_replayed_total",
        "counter",
        "Records read again and skipped because their rows already hold them",
        ("topic",),
    ),
    MetricSpec(
        "lag",
        "streamseg_intake_lag_records",
        "gauge",
        "Records appended but not yet committed by the workers",
        ("topic", "partition"),
    ),
    MetricSpec(
        "resets",
        "streamseg_flow_resets_total",
        "counter",
        "Times a partition was reset to its checkpoint",
        ("partition",),
    ),
    MetricSpec(
        "missed",
        "streamseg_flow_missed_records_total",
        "counter",
        "Records that retention removed before they were read",
        ("topic",),
    ),
    MetricSpec(
        "paused", "streamseg_flow_paused", "gauge", "1 while the partition waits for the store, else 0", ("partition",)
    ),
    MetricSpec(
        "event_to_membership",
        "streamseg_flow_event_to_membership_seconds",
        "histogram",
        "Time from appending an event to Kafka until its membership is readable; first and last event of each run",
    ),
    MetricSpec("flush_duration", "streamseg_flow_flush_seconds", "histogram", "Time of one flush of a partition"),
    MetricSpec(
        "checkpoint_timestamp",
        "streamseg_flow_checkpoint_timestamp_seconds",
        "gauge",
        "Time when the partition's checkpoint last moved, epoch seconds",
        ("partition",),
    ),
    MetricSpec(
        "time_outliers",
        "streamseg_flow_time_outliers_total",
        "counter",
        "Events too far ahead of the others to move the event clock",
    ),
    MetricSpec(
        "held_back",
        "streamseg_flow_open_transaction_records",
        "gauge",
        "Records that an open transaction holds back",
        ("topic", "partition"),
    ),
    MetricSpec(
        "late_changes",
        "streamseg_flow_late_changes_total",
        "counter",
        "Changes published again because a former owner's older record had landed after them",
    ),
    MetricSpec("rows_in_memory", "streamseg_store_rows_in_memory", "gauge", "Customer rows in memory"),
    MetricSpec(
        "departures", "streamseg_membership_departures_total", "counter", "Customers expired after the retention time"
    ),
    MetricSpec("sweeps", "streamseg_membership_sweeps_total", "counter", "Completed sweeps of a partition"),
    MetricSpec(
        "sizes_corrected",
        "streamseg_membership_size_corrections_total",
        "counter",
        "Sweeps that found wrong segment sizes",
    ),
    MetricSpec("evictions", "streamseg_store_evictions_total", "counter", "Rows evicted from memory to make room"),
    MetricSpec(
        "store_errors",
        "streamseg_store_errors_total",
        "counter",
        "Store calls that failed or timed out",
        ("operation",),
    ),
    MetricSpec(
        "moves",
        "streamseg_membership_changes_total",
        "counter",
        "Segments entered and exited by customers",
        ("segmentation", "change"),
    ),
    MetricSpec(
        "segment_members",
        "streamseg_membership_members",
        "gauge",
        "Members on this worker's partitions; sum over workers",
        ("segmentation", "segment"),
    ),
    MetricSpec(
        "model_version", "streamseg_model_version", "gauge", "Model version in use by this worker", ("segmentation",)
    ),
    MetricSpec(
        "learned",
        "streamseg_model_learned_samples",
        "gauge",
        "Samples learned by the published model",
        ("segmentation",),
    ),
    MetricSpec(
        "challenges",
        "streamseg_model_challenges_total",
        "counter",
        "Challenges: fresh fits compared with the running model",
        ("segmentation", "outcome"),
    ),
    MetricSpec(
        "inertia",
        "streamseg_model_inertia",
        "gauge",
        "Sum of squared scaled distances of the sample to the centres of the winner of the last challenge",
        ("segmentation",),
    ),
    MetricSpec(
        "requests",
        "streamseg_api_request_seconds",
        "histogram",
        "Time to answer an API request",
        ("route", "method", "code"),
    ),
    MetricSpec("lookups", "streamseg_api_lookups_total", "counter", "Customers looked up through the API", ("result",)),
    MetricSpec("streams", "streamseg_api_streams", "gauge", "Open event streams"),
    MetricSpec("received", "streamseg_api_events_total", "counter", "Events received by the API", ("result",)),
    MetricSpec(
        "webhooks", "streamseg_api_webhooks_total", "counter", "Attempts to deliver a webhook message", ("outcome",)
    ),
    MetricSpec(
        "webhook_queue",
        "streamseg_api_webhook_queue",
        "gauge",
        "Webhook messages of a subscriber that wait, are parked, or were dropped so far",
        ("subscriber", "state"),
    ),
    MetricSpec("build_info", "streamseg_build_info", "gauge", "1, labelled with the version", ("version",)),
)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    records: Counter
    events: Counter
    rejected: Counter
    adjusted: Counter
    duplicates: Counter
    replayed: Counter
    lag: Gauge
    resets: Counter
    missed: Counter
    paused: Gauge
    event_to_membership: Histogram
    flush_duration: Histogram
    checkpoint_timestamp: Gauge
    time_outliers: Counter
    held_back: Gauge
    late_changes: Counter
    rows_in_memory: Gauge
    departures: Counter
    sweeps: Counter
    sizes_corrected: Counter
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
    webhook_queue: Gauge
    build_info: Gauge

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._label_sets: dict[Gauge, set[tuple[str, ...]]] = {}
        self._server: WSGIServer | None = None
        self._thread: Thread | None = None
        for spec in METRICS:
            setattr(self, spec.attribute, self._create(spec))
        ProcessCollector(registry=self.registry)
        self.build_info.labels(version=version("streamseg")).set(1)

    def replace(self, gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """Set the gauge to these values by label set; remove label sets that this process no longer owns.

        Otherwise a sum over processes counts a partition twice after it has moved.
        """
        for labels in self._label_sets.get(gauge, set()) - values.keys():
            gauge.remove(*labels)
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        self._label_sets[gauge] = set(values)

    def _create(self, spec: MetricSpec) -> Counter | Gauge | Histogram:
        match spec.type:
            case "counter":
                return Counter(spec.name, spec.meaning, spec.labels, registry=self.registry)
            case "gauge":
                return Gauge(spec.name, spec.meaning, spec.labels, registry=self.registry)
            case "histogram":
                return Histogram(
                    spec.name, spec.meaning, spec.labels, registry=self.registry, buckets=LATENCY_BUCKETS_SECONDS
                )

    def serve(self, host: str, port: int, probes: Mapping[str, Callable[[], str | None]] | None = None) -> int:
        """Serve /metrics from a thread until `close`; return the port, chosen by the system for `port` 0.

        `probes` are further paths: 200 when one returns None, else 503 with what it returns. Raises `SettingsError`
        when the port cannot be opened.
        """
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise SettingsError(f"metrics cannot be served on {host}:{port}: {error.strerror}") from None
        self._server.set_app(_probing(self._server.get_app(), probes or {}))
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving, if started."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None


def _probing(metrics: Any, probes: Mapping[str, Callable[[], str | None]]) -> Any:
    """Return a WSGI application that answers the probes, and everything else as `metrics` does."""

    def answer(environ: Mapping[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Any:
        probe = probes.get(str(environ.get("PATH_INFO")))
        if probe is None:
            return metrics(environ, start_response)
        wrong = probe()
        start_response("200 OK" if wrong is None else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [(wrong or "ok").encode() + b"\n"]

    return answer
