"""Redis and memory: calls, errors, sizes, sweeps."""

from typing import Final

from streamseg.metrics.dashboards.board import Dashboard, Panel
from streamseg.metrics.dashboards.query import age, calls, gauge, increase, quantile, rate, share

STORES: Final = Dashboard(
    "stores",
    "Stores",
    (
        Panel("Store calls", "By operation.", [(calls("store_calls", "operation"), "{{operation}}")], "ops"),
        Panel(
            "Store calls, 99 %",
            "Time of one call, by operation.",
            [(quantile(0.99, "store_calls", "operation"), "{{operation}}")],
            "s",
        ),
        Panel(
            "Store errors",
            "Calls that failed or timed out.",
            [(rate("store_errors", "operation"), "{{operation}}")],
            "ops",
        ),
        Panel(
            "Redis memory",
            "Used, and the setting maxmemory where there is one.",
            [(gauge("store_memory", "node"), "{{node}} used"), (gauge("store_memory_limit", "node"), "{{node}} limit")],
            "bytes",
        ),
        Panel(
            "Redis memory used",
            "Share of maxmemory. Redis evicts nothing: when it is full it takes no more writes.",
            [(share(gauge("store_memory", "node"), gauge("store_memory_limit", "node")), "{{node}}")],
            "percentunit",
            bad_from=0.85,
        ),
        Panel(
            "Outbox",
            "Flushes in the outbox: not yet delivered, or within the redelivery window.",
            [(gauge("outbox", "partition"), "partition {{partition}}")],
        ),
        Panel(
            "Flush",
            "Time of one fenced write.",
            [(quantile(0.5, "flush_duration"), "p50"), (quantile(0.99, "flush_duration"), "p99")],
            "s",
        ),
        Panel(
            "Partitions that wait for the store",
            "They take no records meanwhile.",
            [(gauge("waiting", fold="sum", where={"reason": "store"}), "waiting")],
            bad_from=1,
        ),
        Panel(
            "Rows in memory",
            "Of all workers, and rows evicted to make room per second.",
            [(gauge("rows_in_memory", fold="sum"), "rows"), (rate("evictions"), "evicted per second")],
        ),
        Panel(
            "Oldest membership",
            "Time since the oldest membership was written, against the bound.",
            [(age("oldest_membership", oldest=True), "oldest"), (gauge("membership_bound"), "bound")],
            "s",
        ),
        Panel(
            "Sweeps",
            "Time of one sweep of a partition.",
            [(quantile(0.5, "sweep_duration"), "p50"), (quantile(0.99, "sweep_duration"), "p99")],
            "s",
        ),
        Panel(
            "Sweeps made",
            "In an hour, and those that found wrong segment sizes.",
            [(increase("sweeps", "1h"), "sweeps"), (increase("sizes_corrected", "1h"), "corrected")],
        ),
        Panel(
            "Memory of processes",
            "Resident memory of workers and API.",
            [('process_resident_memory_bytes{job=~".*streamseg.*"}', "{{job}} {{instance}}")],
            "bytes",
        ),
        Panel(
            "CPU of processes",
            "Cores that workers and API use.",
            [('rate(process_cpu_seconds_total{job=~".*streamseg.*"}[$__rate_interval])', "{{job}} {{instance}}")],
            "percentunit",
        ),
        Panel(
            "Version",
            "Processes by version.",
            [(gauge("build_info", "version", fold="count"), "{{version}}")],
        ),
    ),
)
