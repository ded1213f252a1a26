"""Metrics of the way of a partition's records, from its inbox to their readers."""

from typing import Final

from streamseg.metrics.spec import STAGE_BUCKETS_SECONDS, MetricSpec

FLOW: Final = (
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
    MetricSpec(
        "probe_timestamp",
        "streamseg_probe_timestamp_seconds",
        "gauge",
        "Time when the newest probe that this stage has seen was sent, epoch seconds",
        ("stage", "partition"),
    ),
    MetricSpec(
        "probe_interval",
        "streamseg_probe_interval_seconds",
        "gauge",
        "Setting worker.probe_interval_seconds: time between two probes of a partition; 0 for none",
    ),
    MetricSpec(
        "waiting",
        "streamseg_flow_waiting",
        "gauge",
        "1 while the partition waits for this reason, else 0",
        ("partition", "reason"),
    ),
    MetricSpec(
        "outbox",
        "streamseg_flow_outbox_flushes",
        "gauge",
        "Flushes in the outbox: not yet delivered, or delivered within the redelivery window",
        ("partition",),
    ),
    MetricSpec("partitions", "streamseg_flow_partitions", "gauge", "Partitions that this worker owns"),
    MetricSpec("topic_partitions", "streamseg_flow_topic_partitions", "gauge", "Partitions of each input topic"),
    MetricSpec(
        "steps",
        "streamseg_flow_step_seconds",
        "histogram",
        "Time of one stage of a cycle: fetch (since a run's middle record was appended), queue, take, absorb, "
        "decide, flush, deliver",
        ("stage",),
        buckets=STAGE_BUCKETS_SECONDS,
    ),
)
