"""What readers get: lookups, ages, errors, streams, webhooks."""

from typing import Final

from streamseg.metrics.dashboards.board import Dashboard, Panel
from streamseg.metrics.dashboards.query import calls, gauge, quantile, rate

SERVING: Final = Dashboard(
    "serving",
    "Serving",
    (
        Panel("Lookups", "Customers looked up, by result.", [(rate("lookups", "result"), "{{result}}")], "ops"),
        Panel(
            "Lookups without an answer",
            "Share that got the marked empty answer, against the objective of 0.1 %.",
            [
                ("streamseg:lookup_errors:ratio_rate5m", "5 minutes"),
                ("streamseg:lookup_errors:ratio_rate1h", "1 hour"),
            ],
            "percentunit",
            bad_from=0.001,
        ),
        Panel(
            "Age of answers",
            "Time since the decision in an answered membership.",
            [(quantile(0.5, "answer_age"), "p50"), (quantile(0.99, "answer_age"), "p99")],
            "s",
        ),
        Panel(
            "Requests",
            "By route.",
            [(calls("requests", "route"), "{{route}}")],
            "reqps",
            width=12,
        ),
        Panel(
            "Answers",
            "By status code.",
            [(calls("requests", "code"), "{{code}}")],
            "reqps",
            width=12,
        ),
        Panel(
            "Time to answer, median",
            "By route.",
            [(quantile(0.5, "requests", "route"), "{{route}}")],
            "s",
            width=12,
        ),
        Panel(
            "Time to answer, 99 %",
            "By route.",
            [(quantile(0.99, "requests", "route"), "{{route}}")],
            "s",
            width=12,
        ),
        Panel("Event streams", "Open streams, all processes.", [(gauge("streams", fold="sum"), "open")]),
        Panel(
            "Events in", "Events received by the API, by result.", [(rate("received", "result"), "{{result}}")], "ops"
        ),
        Panel(
            "Newest probe readable",
            "How long ago the newest probe was sent that the API can read, by partition.",
            [('stage_partition:streamseg_probe_age_seconds:min{stage="served"}', "partition {{partition}}")],
            "s",
            bad_from=60,
        ),
        Panel(
            "Webhooks",
            "Attempts to deliver a message, by outcome.",
            [(rate("webhooks", "outcome"), "{{outcome}}")],
            "ops",
        ),
        Panel(
            "Webhook queues",
            "Messages of a subscriber that wait, are parked, or were dropped so far.",
            [(gauge("webhook_queue", "subscriber", "state"), "{{subscriber}} {{state}}")],
        ),
        Panel(
            "API keys expire",
            "Time until the last key of a name expires; names with a key that has no end are not shown.",
            [(f"{gauge('key_expiry', 'name')} - time()", "{{name}}")],
            "s",
            bad_below=604_800,
        ),
    ),
)
