"""Metrics of what workers read from the input topics."""

from typing import Final

from streamseg.metrics.spec import MetricSpec

INTAKE: Final = (
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
        "lag_seconds",
        "streamseg_intake_lag_seconds",
        "gauge",
        "Age of the oldest record that is not yet committed, at most; 0 without such records",
        ("topic", "partition"),
    ),
)
