"""The metrics of one process in a registry, and their endpoint."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from streamseg.errors import SettingsError
from streamseg.metrics.spec import MetricSpec
from streamseg.metrics.table import METRICS


class Metrics:
    """The metrics of one process, in a registry of their own."""

    records: Counter
    events: Counter
    rejected: Counter
    adjusted: Counter
    duplicates: Counter
    replayed: Counter
    lag: Gauge
    lag_seconds: Gauge
    resets: Counter
    missed: Counter
    event_to_membership: Histogram
    flush_duration: Histogram
    checkpoint_timestamp: Gauge
    time_outliers: Counter
    held_back: Gauge
    late_changes: Counter
    probe_timestamp: Gauge
    probe_interval: Gauge
    waiting: Gauge
    outbox: Gauge
    partitions: Gauge
    topic_partitions: Gauge
    steps: Histogram
    rows_in_memory: Gauge
    departures: Counter
    sweeps: Counter
    sizes_corrected: Counter
    oldest_membership: Gauge
    membership_bound: Gauge
    sweep_duration: Histogram
    evictions: Counter
    store_errors: Counter
    store_calls: Histogram
    store_memory: Gauge
    store_memory_limit: Gauge
    moves: Counter
    segment_members: Gauge
    model_version: Gauge
    learned: Gauge
    challenges: Counter
    inertia: Gauge
    learned_until: Gauge
    warm_up: Gauge
    distance: Gauge
    drift: Gauge
    renamed: Gauge
    transitions: Counter
    requests: Histogram
    lookups: Counter
    answer_age: Histogram
    key_expiry: Gauge
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
                return Histogram(spec.name, spec.meaning, spec.labels, registry=self.registry, buckets=spec.buckets)

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
