"""All metrics of streamseg in one table."""

from typing import Final

from streamseg.metrics.api import API
from streamseg.metrics.flow import FLOW
from streamseg.metrics.intake import INTAKE
from streamseg.metrics.membership import MEMBERSHIP
from streamseg.metrics.model import MODEL
from streamseg.metrics.spec import MetricSpec
from streamseg.metrics.store import STORE

METRICS: Final = (
    *INTAKE,
    *FLOW,
    *STORE,
    *MEMBERSHIP,
    *MODEL,
    *API,
    MetricSpec("build_info", "streamseg_build_info", "gauge", "1, labelled with the version", ("version",)),
)
