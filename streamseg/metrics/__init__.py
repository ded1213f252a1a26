"""All metrics of streamseg: one typed table, a module per stage, and the registry of a process.

Units are seconds and bytes. No label may hold a customer id.
"""

from streamseg.metrics.registry import Metrics as Metrics
from streamseg.metrics.spec import LATENCY_BUCKETS_SECONDS as LATENCY_BUCKETS_SECONDS
from streamseg.metrics.spec import MetricSpec as MetricSpec
from streamseg.metrics.table import METRICS as METRICS
