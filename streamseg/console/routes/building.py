"""The builder's forms: preview a draft, activate it, and drop an audience. Changes are in the audit log."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from streamseg.audiences.definition_files import DefinitionError
from streamseg.console.access.gate import Gate
from streamseg.console.access.sessions import Session
from streamseg.console.pages.building import builder
from streamseg.console.pages.building.drafts import (
    UnreadableDraftError,
    WrongPart,
    as_text,
    file_name,
    read_draft,
    wrong_parts,
)
from streamseg.console.pages.view import Reader
from streamseg.console.reads.facts import Facts
from streamseg.console.reads.previews import Previews, SupersededError
from streamseg.console.routes.rendering import plain_text
from streamseg.console.routes.serving import Serving
from streamseg.errors import NotFoundError, SettingsError
from streamseg.service.audience_desk import AudienceDesk, BusyError
from streamseg.service.audit_trail import Author

log = logging.getLogger(__name__)

FORM_BYTES: Final = 262_144
"""A rule may list 256 values."""
PAGE_ID: Final = re.compile(r"[a-z0-9-]{1,40}")


class Building:
    """The routes of the builder."""

    def __init__(self, facts: Facts, gate: Gate, desk: AudienceDesk, serving: Serving) -> None:
        self._facts, self._gate, self._desk, self._serving = facts, gate, desk, serving
        self._previews = Previews(desk)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(builder.PAGE.path, self.submit, methods=["POST"]),
            Route("/audiences/{audience}/drop", self.drop, methods=["POST"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Preview a draft, or activate it: then show the audience. What is wrong is shown in the builder."""
        session = self._gate.session(request)
        if session is None:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        reader = self._serving.reader(request, session)
        fields = await self._gate.form(request, session, "change", FORM_BYTES)
        draft, document = _draft(fields), fields.get("document", "")
        if draft.values is not None and fields.get("do") == "activate":
            declared, wrong = await self._declared(session, draft, document)
            if declared:
                return RedirectResponse(f"/audiences/{declared}", HTTPStatus.SEE_OTHER)
            draft = replace(draft, wrong=wrong)
        elif draft.values is not None:
            draft = await self._previewed(reader, draft, document, f"{session.nonce}:{_page(fields)}")
        if fields.get("as") == "json":
            return Response(msgspec.json.encode(await self._told(draft, reader)), media_type="application/json")
        view = await builder.drawn(self._facts, reader, draft)
        return self._serving.drawn(request, builder.PAGE, view, reader)

    async def drop(self, request: Request) -> Response:
        """Drop an audience for good, after its name was ticked. Then show the list."""
        session, audience = self._gate.session(request), str(request.path_params["audience"])
        if session is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED)
        fields = await self._gate.form(request, session, "change")
        if fields.get("sure") != audience:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            await self._desk.drop(audience, _author(session))
        except NotFoundError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        log.info("%s (%s) dropped audience %s", session.name, session.key_id, audience)
        self._facts.audiences_changed()
        return RedirectResponse("/audiences", HTTPStatus.SEE_OTHER)

    async def _declared(
        self, session: Session, draft: builder.Draft, document: str
    ) -> tuple[str | None, Sequence[WrongPart]]:
        """Declare the audience; return its id, or what is wrong."""
        given = str((draft.values or {}).get("id", ""))
        if draft.changes and given != draft.changes:
            return None, [WrongPart(("id",), None, f"must stay {draft.changes}: copy the audience instead")]
        name, author, versions = file_name(document), _author(session), {given: draft.version}
        try:
            ((one, _),) = await self._desk.declare(document.encode(), author, name=name, versions=versions)
        except DefinitionError as error:
            return None, wrong_parts(error)
        except SettingsError as error:
            return None, [WrongPart((), None, str(error))]
        log.info("%s (%s) declared audience %s, version %d", session.name, session.key_id, one.id, one.version)
        self._facts.audiences_changed()
        return one.id, ()

    async def _previewed(self, reader: Reader, draft: builder.Draft, document: str, page: str) -> builder.Draft:
        name, language = file_name(document), reader.texts.language
        try:
            return replace(draft, preview=await self._previews.of(page, document.encode(), name, language))
        except DefinitionError as error:
            return replace(draft, wrong=wrong_parts(error))
        except SupersededError:
            raise HTTPException(HTTPStatus.CONFLICT) from None
        except BusyError:
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "3"}) from None
        except SettingsError as error:
            return replace(draft, wrong=[WrongPart((), None, str(error))])

    async def _told(self, draft: builder.Draft, reader: Reader) -> dict[str, Any]:
        """Return what the script of the builder needs."""
        html = ""
        if draft.preview is not None:
            found = await builder.previewed(self._facts, reader, draft.preview)
            html = plain_text("builder_preview.html", preview=found.facts, tables=found.tables, t=reader.texts)
        return {
            "values": draft.values,
            "text": draft.text,
            "wrong": [{"path": list(one.path), "line": one.line, "text": one.text} for one in draft.wrong],
            "html": html,
        }


def _draft(fields: Mapping[str, str]) -> builder.Draft:
    """Return what a form holds. The script sends JSON, which is shown as TOML; a text is shown as it was written."""
    document, changes, version = fields.get("document", ""), fields.get("changes", ""), fields.get("version", "")
    opened = int(version) if version.isdecimal() else 0
    try:
        values = read_draft(document)
    except UnreadableDraftError as error:
        return builder.Draft(None, document, changes, opened, [error.wrong])
    return builder.Draft(
        values, as_text(values) if file_name(document).endswith(".json") else document, changes, opened
    )


def _page(fields: Mapping[str, str]) -> str:
    given = fields.get("page", "")
    return given if PAGE_ID.fullmatch(given) else ""


def _author(session: Session) -> Author:
    return Author(session.name, session.key_id, session.role)
