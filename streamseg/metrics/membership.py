"""Metrics of memberships: changes, sizes, sweeps."""

from typing import Final

from streamseg.metrics.spec import MetricSpec

MEMBERSHIP: Final = (
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
        "oldest_membership",
        "streamseg_membership_oldest_timestamp_seconds",
        "gauge",
        "Time when the oldest membership that the latest sweep left was published, epoch seconds",
        ("partition",),
    ),
    MetricSpec("sweep_duration", "streamseg_membership_sweep_seconds", "histogram", "Time of one sweep of a partition"),
    MetricSpec(
        "membership_bound",
        "streamseg_membership_bound_seconds",
        "gauge",
        "Setting membership.bound_seconds: no membership should be older",
    ),
)
