"""Is it fresh, is it right, is it fast: one screen."""

from functools import partial
from typing import Final

from streamseg.metrics.dashboards.board import Dashboard, Panel
from streamseg.metrics.dashboards.query import calls, gauge, quantile, rate, share

figure = partial(Panel, kind="stat", width=4, height=4)

OVERVIEW: Final = Dashboard(
    "overview",
    "Overview",
    (
        figure(
            "Oldest probe",
            "A probe passes each partition every few seconds. An old one: the path is stuck there.",
            [("max by (stage) (stage_partition:streamseg_probe_age_seconds:min)", "{{stage}}")],
            "s",
            bad_from=60,
        ),
        figure(
            "99 % of events readable within",
            "From Kafka's time of the event until its membership is in the store.",
            [("streamseg:event_to_membership_seconds:p99_5m", "p99")],
            "s",
            bad_from=5,
        ),
        figure(
            "Lookups answered from the store",
            "The others got the marked empty answer.",
            [("1 - streamseg:lookup_errors:ratio_rate5m", "answered")],
            "percentunit",
            bad_below=0.999,
        ),
        figure(
            "Partitions with a worker",
            "Below 100 %: customers of the others are not updated.",
            [(share(gauge("partitions", fold="sum"), gauge("topic_partitions")), "owned")],
            "percentunit",
            bad_below=1,
        ),
        figure(
            "Records rejected",
            "Share of all records that are no events: see the dead letters.",
            [(share(f"({rate('rejected')} or vector(0))", rate("records")), "rejected")],
            "percentunit",
            bad_from=0.02,
        ),
        figure(
            "Alerts",
            "Alerts that fire now: see the runbooks.",
            [('count(ALERTS{alertstate="firing"}) or vector(0)', "firing")],
            bad_from=1,
        ),
        Panel("Events", "Events absorbed into rows, by topic.", [(rate("events", "topic"), "{{topic}}")], "ops"),
        Panel(
            "Event to membership",
            "From Kafka's time of the event until its membership is in the store; first and last event of each run.",
            [
                ("streamseg:event_to_membership_seconds:p50_5m", "p50"),
                ("streamseg:event_to_membership_seconds:p99_5m", "p99"),
            ],
            "s",
            bad_from=5,
        ),
        Panel(
            "Lag",
            "Age of the oldest record that is not yet delivered, at most.",
            [(gauge("lag_seconds", "topic"), "{{topic}}")],
            "s",
        ),
        Panel("Lookups", "Customers looked up, by result.", [(rate("lookups", "result"), "{{result}}")], "ops"),
        Panel(
            "Time to answer",
            "Requests of the API, all routes.",
            [(quantile(0.5, "requests"), "p50"), (quantile(0.99, "requests"), "p99")],
            "s",
        ),
        Panel(
            "Members",
            "Customers by segment.",
            [("segmentation_segment:streamseg_membership_members:sum", "{{segment}}")],
            stacked=True,
        ),
        Panel(
            "Changes",
            "Segments entered and exited by customers.",
            [(rate("moves", "segmentation", "change"), "{{segmentation}} {{change}}")],
            "ops",
        ),
        Panel("Flushes", "Fenced writes of rows and decisions.", [(calls("flush_duration"), "flushes")], "ops"),
        Panel(
            "Model learned until",
            "How long ago the latest sample was that the model in use has learned (wall clock).",
            [(f"time() - {gauge('learned_until', 'segmentation')}", "{{segmentation}}")],
            "s",
        ),
    ),
)
