"""Metrics of the API and the webhooks."""

from typing import Final

from streamseg.metrics.spec import AGE_BUCKETS_SECONDS, MetricSpec

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
    MetricSpec(
        "answer_age",
        "streamseg_api_answer_age_seconds",
        "histogram",
        "Age of the memberships in answers to lookups: time since their decision",
        buckets=AGE_BUCKETS_SECONDS,
    ),
    MetricSpec(
        "key_expiry",
        "streamseg_api_key_expiry_timestamp_seconds",
        "gauge",
        "Time when the last of the keys of this name expires, epoch seconds; missing if one never does",
        ("name",),
    ),
)
