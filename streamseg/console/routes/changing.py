"""What people may change: each change with an entry in the audit log, written before it is made."""

import logging
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from streamseg.console.access.gate import Gate
from streamseg.console.reads.facts import Facts
from streamseg.errors import NotFoundError
from streamseg.ports import AuditLog
from streamseg.service.audit_trail import Author, Trail

log = logging.getLogger(__name__)

LONGEST_NAME: Final = 80
NOTE_BYTES: Final = 16_384
"""Of a form with a note: each of its characters may take nine."""


class Changing:
    """The routes of changes."""

    def __init__(self, facts: Facts, gate: Gate, audit: AuditLog) -> None:
        self._facts, self._gate, self._audit = facts, gate, audit

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/segments/{segment}/name", self.rename, methods=["POST"]),
            Route("/segments/{segment}/note", self.note, methods=["POST"]),
        ]

    async def rename(self, request: Request) -> Response:
        """Name a segment; an empty name restores the generated label. Then show the segment."""
        session, segment = self._gate.session(request), str(request.path_params["segment"])
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        fields = await self._gate.form(request, session, "change")
        name = fields.get("name", "").strip()
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        trail = Trail(self._audit, Author(session.name, session.key_id, session.role))
        log.info("%s (%s) renames %s", session.name, session.key_id, segment)
        try:
            await self._facts.rename(segment, name or None, trail)
        except NotFoundError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        return RedirectResponse(f"/segments/{segment}", HTTPStatus.SEE_OTHER)

    async def note(self, request: Request) -> Response:
        """Write the note of a segment; an empty one takes it away. Then show the segment."""
        session, segment = self._gate.session(request), str(request.path_params["segment"])
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        fields = await self._gate.form(request, session, "change", NOTE_BYTES)
        trail = Trail(self._audit, Author(session.name, session.key_id, session.role))
        log.info("%s (%s) writes a note on %s", session.name, session.key_id, segment)
        try:
            await self._facts.write_note(segment, fields.get("note", ""), session.name, trail)
        except NotFoundError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        except ValueError:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY) from None
        return RedirectResponse(f"/segments/{segment}", HTTPStatus.SEE_OTHER)
