"""PromQL from the table of metrics. Each function checks that the metric is of the kind, and has the labels, it needs.

`where` holds regular expressions by label. Rates are over Grafana's
`$__rate_interval`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from streamseg.metrics.spec import MetricSpec
from streamseg.metrics.table import METRICS

SPECS: Final[Mapping[str, MetricSpec]] = {spec.attribute: spec for spec in METRICS}
Fold = Literal["sum", "max", "min", "count"]
Where = Mapping[str, str]
EVERYTHING: Final[Where] = {}


def gauge(attribute: str, *by: str, fold: Fold = "max", where: Where = EVERYTHING) -> str:
    """Return the gauge, folded over all processes and over the labels that are not in `by`."""
    return _folded(fold, _series(attribute, "gauge", by, where), by)


def age(attribute: str, *by: str, oldest: bool = False, where: Where = EVERYTHING) -> str:
    """Return the seconds since the newest (or the oldest) time that a gauge of epoch seconds holds."""
    return f"time() - {gauge(attribute, *by, fold='min' if oldest else 'max', where=where)}"


def rate(attribute: str, *by: str, where: Where = EVERYTHING) -> str:
    """Return the rate of a counter per second."""
    return _rate(_series(attribute, "counter", by, where), by)


def increase(attribute: str, over: str, *by: str, where: Where = EVERYTHING) -> str:
    """Return by how much a counter grew in a time such as `1h`."""
    return _folded("sum", f"increase({_series(attribute, 'counter', by, where)}[{over}])", by)


def calls(attribute: str, *by: str, where: Where = EVERYTHING) -> str:
    """Return the number of observations of a histogram per second."""
    return _rate(_series(attribute, "histogram", by, where, "_count"), by)


def busy(attribute: str, *by: str, where: Where = EVERYTHING) -> str:
    """Return the seconds per second that a histogram of durations adds up to."""
    return _rate(_series(attribute, "histogram", by, where, "_sum"), by)


def quantile(share: float, attribute: str, *by: str, where: Where = EVERYTHING) -> str:
    """Return a quantile of a histogram."""
    buckets = _series(attribute, "histogram", by, where, "_bucket")
    return f"histogram_quantile({share:g}, {_rate(buckets, (*by, 'le'))})"


def share(part: str, whole: str) -> str:
    """Return the quotient of two queries with the same labels."""
    return f"{part} / {whole}"


def _series(attribute: str, kind: str, by: Sequence[str], where: Mapping[str, str], suffix: str = "") -> str:
    spec = SPECS[attribute]
    if spec.type != kind:
        raise ValueError(f"{spec.name} is a {spec.type}, not a {kind}")
    if unknown := {*by, *where} - {*spec.labels}:
        raise ValueError(f"{spec.name} has no label {', '.join(sorted(unknown))}")
    matchers = ",".join(f'{label}=~"{value}"' for label, value in where.items())
    return spec.name + suffix + (f"{{{matchers}}}" if matchers else "")


def _rate(series: str, by: Sequence[str]) -> str:
    return _folded("sum", f"rate({series}[$__rate_interval])", by)


def _folded(fold: str, expression: str, by: Sequence[str]) -> str:
    return f"{fold} by ({', '.join(by)}) ({expression})" if by else f"{fold}({expression})"
