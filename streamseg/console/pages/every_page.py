"""All pages, in the order of the navigation."""

from typing import Final

from streamseg.console.pages import (
    audiences,
    customer,
    customer_map,
    erasure,
    flows,
    model,
    overlap,
    overview,
    report,
    segment,
)
from streamseg.console.pages.building import builder, lists
from streamseg.console.pages.live import events
from streamseg.console.pages.view import Page

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    segment.PAGE,
    flows.PAGE,
    customer_map.PAGE,
    audiences.LIST,
    audiences.PAGE,
    builder.PAGE,
    lists.LIST,
    lists.PAGE,
    overlap.PAGE,
    customer.PAGE,
    model.PAGE,
    events.PAGE,
    events.SENT,
    erasure.PAGE,
    report.ONE,
    report.DECK,
)
NAVIGATION: Final = (
    ("overview", "/"),
    ("flows", "/flows"),
    ("map", "/map"),
    ("audiences", "/audiences"),
    ("overlap", "/overlap"),
    ("customers", "/customers"),
    ("live", "/live"),
    ("model", "/model"),
)
