"""The form that sends an event for a try. It is an event like any other, so it is in the audit log."""

import logging
import re
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.access.gate import Gate
from streamseg.console.pages.live import events
from streamseg.console.reads.facts import Facts
from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.ports import AuditLog
from streamseg.service.audit_trail import Author, Change, Trail
from streamseg.service.tried_events import SAMPLES

log = logging.getLogger(__name__)

SEND: Final = "/live/send"
CUSTOMER: Final = re.compile(r"[^\s{}]{1,256}")
CATEGORY: Final = re.compile(r"[^\x00-\x1f]{0,100}")
DEFAULT_VALUE: Final = 10.0


class Trying:
    """The route of the form."""

    def __init__(self, facts: Facts, gate: Gate, audit: AuditLog) -> None:
        self._facts, self._gate, self._audit = facts, gate, audit

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route(SEND, self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response:
        """Send an event, then show its way."""
        session = self._gate.session(request)
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        fields = await self._gate.form(request, session, "change")
        sample, customer = fields.get("sample", ""), fields.get("customer", "").strip()
        category, value = fields.get("category", "").strip(), _number(fields.get("value", ""))
        if sample not in SAMPLES or not CUSTOMER.fullmatch(customer) or not customer.isprintable():
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        if value is None or not CATEGORY.fullmatch(category):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        trail = Trail(self._audit, Author(session.name, session.key_id, session.role))
        await trail.note(Change("send test event", pseudonym(customer), None, {"sample": sample}))
        log.info("%s (%s) sends a test event, %s", session.name, session.key_id, sample)
        try:
            sent = await self._facts.trials.send(sample, customer, category, value)
        except StoreUnavailableError:
            raise
        except StreamsegError as error:
            log.warning("a test event was not sent: %s", error)
            return RedirectResponse(f"{events.PAGE.path}?wrong=away", HTTPStatus.SEE_OTHER)
        return RedirectResponse(f"{events.SENT.path}?{urlencode({'id': sent.id})}", HTTPStatus.SEE_OTHER)


def _number(text: str) -> float | None:
    """Return the value of an order; None for what is none."""
    try:
        value = float(text.replace(",", ".")) if text.strip() else DEFAULT_VALUE
    except ValueError:
        return None
    return value if 0 < value < 1_000_000 else None  # noqa: PLR2004 - more is a slip
