"""Metrics of calls to the store, and rows in memory."""

from typing import Final

from streamseg.metrics.spec import MetricSpec

STORE: Final = (
    MetricSpec("rows_in_memory", "streamseg_store_rows_in_memory", "gauge", "Customer rows in memory"),
    MetricSpec("evictions", "streamseg_store_evictions_total", "counter", "Rows evicted from memory to make room"),
    MetricSpec(
        "store_errors",
        "streamseg_store_errors_total",
        "counter",
        "Store calls that failed or timed out",
        ("operation",),
    ),
    MetricSpec(
        "store_calls",
        "streamseg_store_call_seconds",
        "histogram",
        "Time of one call of this process to the store, failed ones too",
        ("operation",),
    ),
    MetricSpec("store_memory", "streamseg_store_memory_bytes", "gauge", "Memory that a Redis primary uses", ("node",)),
    MetricSpec(
        "store_memory_limit",
        "streamseg_store_memory_limit_bytes",
        "gauge",
        "Setting maxmemory of a Redis primary; missing without a limit",
        ("node",),
    ),
)
