"""The forms of lists: upload one from a file or from what was pasted, and drop one. Changes are in the audit log.

Addresses become hashes here and are not kept. Browsers send a file as a field of the form: a parser of multipart
forms would be one more library for one form.
"""

import asyncio
import io
import logging
import re
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from streamseg.audiences.definition import PURPOSES
from streamseg.audiences.lists.list_files import read_lines
from streamseg.audiences.written.ends import end_of, moment
from streamseg.audiences.written.leaves import ID
from streamseg.console.access.gate import Gate
from streamseg.console.access.sessions import Session
from streamseg.console.pages.building import lists
from streamseg.console.reads.facts import Facts
from streamseg.console.routes.serving import Serving
from streamseg.errors import NotFoundError, SettingsError
from streamseg.service.audit_trail import Author
from streamseg.service.list_desk import ListDesk, Upload
from streamseg.wrong_values import FORMATS

log = logging.getLogger(__name__)

UPLOAD_BYTES: Final = 32 * 1_048_576
"""Of a form: about a million addresses. Longer lists are uploaded by the command."""
LONGEST_ID: Final = 64


class Uploading:
    """The routes of lists."""

    def __init__(self, facts: Facts, gate: Gate, desk: ListDesk, serving: Serving) -> None:
        self._facts, self._gate, self._desk, self._serving = facts, gate, desk, serving

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(lists.LIST.path, self.upload, methods=["POST"]),
            Route("/lists/{list}/drop", self.drop, methods=["POST"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Upload a list, and show its report, or what is wrong."""
        session = self._gate.session(request)
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        reader = self._serving.reader(request, session)
        fields = await self._gate.form(request, session, "change", UPLOAD_BYTES)
        done, wrong = None, None
        try:
            done = await self._uploaded(fields, session)
        except (SettingsError, ValueError) as error:
            wrong = str(error)
        view = await lists.shown(self._facts, reader, done, wrong)
        return self._serving.drawn(request, lists.LIST, view, reader)

    async def drop(self, request: Request) -> Response:
        """Drop a list after its id was ticked. Then show the others."""
        session, name = self._gate.session(request), str(request.path_params["list"])
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        fields = await self._gate.form(request, session, "change")
        if fields.get("sure") != name:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        reader, wrong = self._serving.reader(request, session), None
        try:
            await self._desk.drop(name, _author(session))
        except NotFoundError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        except SettingsError as error:
            wrong = str(error)
        else:
            log.info("%s (%s) dropped list %s", session.name, session.key_id, name)
        self._facts.audiences_changed()
        view = await lists.shown(self._facts, reader, None, wrong)
        return self._serving.drawn(request, lists.LIST, view, reader)

    async def _uploaded(self, fields: dict[str, str], session: Session) -> lists.Done:
        """Return what was uploaded. Raises `SettingsError` and `ValueError`: what is wrong."""
        name, purpose = fields.get("id", "").strip(), fields.get("purpose", "")
        if len(name) > LONGEST_ID or not re.fullmatch(ID, name):
            raise SettingsError(f"id {FORMATS[ID]}; at most {LONGEST_ID}")
        if purpose and purpose not in PURPOSES:
            raise SettingsError(f"purpose must be one of {', '.join(PURPOSES)}")
        layout, expires = self._desk.layout, moment(fields.get("expires", "").strip() or None)
        content = io.StringIO(fields.get("content", "").removeprefix("\ufeff"), newline="")
        code = layout.phone_country_code
        read = await asyncio.to_thread(read_lines, content, "the list", country_code=code)
        upload = Upload(name, read, end_of(expires, layout.time_zone), purpose or None)
        uploaded = await self._desk.add(upload, _author(session))
        log.info("%s (%s) uploaded list %s, version %d", session.name, session.key_id, name, uploaded.version)
        self._facts.audiences_changed()
        return lists.Done(uploaded, read)


def _author(session: Session) -> Author:
    return Author(session.name, session.key_id, session.role)
