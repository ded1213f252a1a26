"""The way of the records: per stage and partition."""

from typing import Final

from streamseg.metrics.dashboards.board import Dashboard, Panel
from streamseg.metrics.dashboards.query import age, busy, gauge, increase, quantile, rate

PIPELINE: Final = Dashboard(
    "pipeline",
    "Pipeline",
    (
        Panel("Records", "Records read, by topic.", [(rate("records", "topic"), "{{topic}}")], "ops"),
        Panel(
            "Rejected",
            "Records sent to the dead letters.",
            [(rate("rejected", "topic", "reason"), "{{topic}} {{reason}}")],
            "ops",
        ),
        Panel(
            "Skipped and adjusted",
            "Sent twice, read again after a reset, or accepted with a field normalised or left out.",
            [
                (rate("duplicates"), "sent twice"),
                (rate("replayed"), "read again"),
                (rate("adjusted", "field"), "adjusted {{field}}"),
            ],
            "ops",
        ),
        Panel(
            "Time by stage",
            "Seconds per second that all workers spend in each stage.",
            [(busy("steps", "stage"), "{{stage}}")],
            "percentunit",
            stacked=True,
        ),
        Panel(
            "Stage, 99 %",
            "Time of a stage of one cycle.",
            [(quantile(0.99, "steps", "stage"), "{{stage}}")],
            "s",
        ),
        Panel(
            "Probes by stage",
            "Age of the newest probe that a stage has seen; the worst partition.",
            [
                ("max by (stage) (stage_partition:streamseg_probe_age_seconds:min)", "{{stage}}"),
                (gauge("probe_interval"), "sent every"),
            ],
            "s",
            bad_from=60,
        ),
        Panel(
            "Delivered probe by partition",
            "Age of the newest probe whose flush is delivered.",
            [('stage_partition:streamseg_probe_age_seconds:min{stage="delivered"}', "partition {{partition}}")],
            "s",
            bad_from=60,
        ),
        Panel(
            "Lag in seconds",
            "Age of the oldest record that is not yet delivered, at most.",
            [(gauge("lag_seconds", "partition"), "partition {{partition}}")],
            "s",
        ),
        Panel(
            "Lag in records",
            "Records appended and not yet committed.",
            [(gauge("lag", "topic", fold="sum"), "{{topic}}")],
        ),
        Panel(
            "Waits",
            "Partitions that wait, by reason.",
            [(gauge("waiting", "reason", fold="sum"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Checkpoint moved",
            "Time since the checkpoint of a partition moved.",
            [(age("checkpoint_timestamp", "partition"), "partition {{partition}}")],
            "s",
        ),
        Panel(
            "Resets",
            "Partitions that were read again from their checkpoint, in 5 minutes.",
            [(increase("resets", "5m", "partition"), "partition {{partition}}")],
        ),
        Panel(
            "Partitions",
            "Owned by workers, and those of each topic.",
            [(gauge("partitions", fold="sum"), "owned"), (gauge("topic_partitions"), "of a topic")],
        ),
        Panel(
            "Open transactions",
            "Records that a producer's open transaction holds back.",
            [(gauge("held_back", "topic", fold="sum"), "{{topic}}")],
        ),
        Panel(
            "Late and missed",
            "In an hour: changes published again after an older one landed, event times too far ahead, "
            "records removed by retention before they were read.",
            [
                (increase("late_changes", "1h"), "published again"),
                (increase("time_outliers", "1h"), "too far ahead"),
                (increase("missed", "1h"), "missed"),
            ],
        ),
    ),
)
