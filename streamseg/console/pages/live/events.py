"""Live: events as they come, the rejected ones with their reason, and the way of one that was sent for a try."""

from collections.abc import Mapping
from typing import Any, Final

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.pages.view import Page, Parameters, Reader, View
from streamseg.console.reads.facts import Facts
from streamseg.events.types import KINDS
from streamseg.service.live_events import LiveEvent
from streamseg.service.tried_events import SAMPLES

SHOWN: Final = 50
STAGES: Final = ("accepted", "absorbed", "membership", "change")
TEST_CUSTOMER: Final = "console-test"


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the newest events that fit the filter."""
    feed = await facts.live.newest()
    kind, customer, rejected = given.get("kind", ""), given.get("customer", "").strip(), given.get("rejected", "")
    wanted = pseudonym(customer) if customer and reader.may("identify") else customer
    shown = [one for one in feed.events if _fits(one, kind, {customer, wanted} if customer else None, rejected)][:SHOWN]
    t = reader.texts
    return View(
        t("feed.title"),
        {
            "feed": feed,
            "events": [_told(one, reader) for one in shown],
            "kinds": KINDS,
            "asked": {"kind": kind, "customer": customer, "rejected": rejected},
            "still": bool(given.get("still")),
            "samples": tuple(SAMPLES),
            "test_customer": TEST_CUSTOMER,
            "wrong": given.get("wrong", ""),
        },
        {},
        {},
        feed.since,
    )


def _fits(one: LiveEvent, kind: str, customers: set[str] | None, rejected: str) -> bool:
    if kind and one.kind != kind:
        return False
    if rejected and not one.is_rejected:
        return False
    return customers is None or pseudonym(one.customer_id) in customers


def _told(one: LiveEvent, reader: Reader) -> Mapping[str, Any]:
    return {
        "event": one,
        "customer": one.customer_id if reader.may("identify") else pseudonym(one.customer_id),
        "kind": reader.texts(f"event.{one.kind}") if one.kind in KINDS else one.kind,
    }


async def sent(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return how far an event is that was sent for a try; only the process that sent it knows, and not for long."""
    t, found = reader.texts, facts.trials.find(given.get("id", ""))
    if found is None:
        return View(t("feed.sent_title"), {"sent": None})
    at = found.stages
    rejected = "rejected" in at
    names = ("accepted", "rejected") if rejected else STAGES
    stages = [
        {
            "name": t(f"feed.stage_{name}"),
            "at": at.get(name),
            "after": None if name not in at else t.number(max(at[name] - found.sent_at, 0.0), 2),
            "open": name not in at and not found.ended,
        }
        for name in names
    ]
    whose = found.customer_id if reader.may("identify") else pseudonym(found.customer_id)
    return View(
        t("feed.sent_title"),
        {"sent": found, "whose": whose, "stages": stages, "sample": t(f"feed.sample_{found.sample}")},
        as_of=None,
    )


PAGE: Final = Page("/live", "live.html", "live", view)
SENT: Final = Page("/live/sent", "live_sent.html", "live", sent)
