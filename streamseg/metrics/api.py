"""Metrics of the API and the webhooks."""

from typing import Final

from streamseg.metrics.spec import MetricSpec

API: Final = (
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
)
