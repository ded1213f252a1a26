"""The erasure of a customer, asked for by somebody whose role may, and its receipt."""

import logging
import time
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.access.gate import Gate
from streamseg.console.reads.facts import Facts
from streamseg.errors import ServerUnavailableError, StreamsegError
from streamseg.ports import AuditEntry, AuditLog, EventSink
from streamseg.service.erasures import request_erasure

log = logging.getLogger(__name__)

ERASE: Final = "/customers/erase"
RECEIPT: Final = "/customers/erasure"
REASON: Final = "asked for in the console"


class Erasing:
    """The route of erasures. `sink` takes the requests to Kafka."""

    def __init__(self, facts: Facts, gate: Gate, audit: AuditLog, sink: EventSink) -> None:
        self._facts, self._gate, self._audit, self._sink = facts, gate, audit, sink

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route(ERASE, self.erase, methods=["POST"])]

    async def erase(self, request: Request) -> Response:
        """Ask the workers to erase a customer whose id was typed twice; then show the receipt.

        The audit log is kept for good, so it has the pseudonym of the customer and the number of the request.
        """
        session = self._gate.session(request)
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        fields = await self._gate.form(request, session, "erase")
        customer = fields.get("id", "").strip()
        if not customer or fields.get("typed", "").strip() != customer:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        erasure = await self._facts.erasure(customer)
        whose = pseudonym(customer)
        await self._audit.append(
            AuditEntry(
                time.time(), session.name, session.key_id, session.role, "erase customer", whose, None, erasure.event_id
            )
        )
        log.info("%s (%s) asks to erase %s, request %s", session.name, session.key_id, whose, erasure.event_id)
        try:
            await request_erasure(self._sink, erasure, REASON)
        except StreamsegError as error:
            raise ServerUnavailableError(f"the request {erasure.event_id} may not have arrived: {error}") from None
        receipt = {"id": customer, "request": erasure.event_id, "at": f"{erasure.at:.3f}"}
        return RedirectResponse(f"{RECEIPT}?{urlencode(receipt)}", HTTPStatus.SEE_OTHER)
