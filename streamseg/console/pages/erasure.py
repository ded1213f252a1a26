"""The receipt of an erasure: what was asked for, and how far it is."""

import math
from typing import Final

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.pages.view import Page, Parameters, Reader, View
from streamseg.console.reads.facts import Facts
from streamseg.errors import NotFoundError
from streamseg.service.erasures import Erasure

STEPS: Final = ("accepted", "erased", "done")


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the receipt. Raises `NotFoundError` without a request, or for a role that may not erase."""
    t, customer, request = reader.texts, given.get("id", ""), given.get("request", "")
    try:
        at = float(given.get("at", ""))
    except ValueError:
        at = math.nan
    if not (reader.may("erase") and customer and request and math.isfinite(at)):
        raise NotFoundError("erasure")
    reached = await facts.erasure_state(Erasure(customer, request, at))
    steps = [(one, STEPS.index(one) <= STEPS.index(reached)) for one in STEPS]
    shown = customer if reader.may("identify") else pseudonym(customer)
    return View(t("erasure.title"), {"shown": shown, "request": request, "asked_at": at, "steps": steps}, {}, {}, at)


PAGE: Final = Page("/customers/erasure", "erasure.html", "customers", view)
