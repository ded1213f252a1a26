"""Makes a segmentation in shadow public, for who confirms it."""

import logging
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from streamseg.console.access.gate import Gate
from streamseg.console.reads.facts import Facts
from streamseg.errors import NotFoundError, ServerUnavailableError, StreamsegError
from streamseg.ports import AuditLog
from streamseg.service.audit_trail import Author, Trail

log = logging.getLogger(__name__)


class Promoting:
    """The route of promotions."""

    def __init__(self, facts: Facts, gate: Gate, audit: AuditLog) -> None:
        self._facts, self._gate, self._audit = facts, gate, audit

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/segmentations/{segmentation}/promote", self.promote, methods=["POST"])]

    async def promote(self, request: Request) -> Response:
        """Promote a segmentation, then show its model."""
        session, segmentation = self._gate.session(request), str(request.path_params["segmentation"])
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        fields = await self._gate.form(request, session, "change")
        if fields.get("confirm") != "yes":
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        trail = Trail(self._audit, Author(session.name, session.key_id, session.role))
        log.info("%s (%s) promotes %s", session.name, session.key_id, segmentation)
        try:
            await self._facts.learning.promote(segmentation, trail)
        except NotFoundError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        except ServerUnavailableError:
            raise
        except StreamsegError:  # it is public, has no segments, or was dropped
            raise HTTPException(HTTPStatus.CONFLICT) from None
        return RedirectResponse(f"/model?{urlencode({'segmentation': segmentation})}", HTTPStatus.SEE_OTHER)
