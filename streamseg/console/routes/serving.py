"""Serves every page: as a page, as a download of a table or chart, and as a stream of what changes in it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from streamseg.console.access.gate import Gate
from streamseg.console.access.sessions import Session
from streamseg.console.charts import drawing
from streamseg.console.pages.every_page import PAGES
from streamseg.console.pages.view import Page, Reader, View
from streamseg.console.reads.facts import Facts
from streamseg.console.reads.kept import Kept, StillReadingError
from streamseg.console.routes.rendering import live_parts, page_text
from streamseg.console.texts import texts
from streamseg.errors import NotFoundError, ServerUnavailableError
from streamseg.language import languages, negotiated
from streamseg.language.actions import Action

LOOK_SECONDS: Final = 1.0
"""Time between two looks for changes, for all who have the same page open."""
SHORTEST_SECONDS: Final = 0.05
"""Of that time, when something was read that a page had to do without."""
LOOKING_SHARE: Final = 0.5
"""Share of the time that looks take at most: with many different pages open they are rarer than once a second."""
LANGUAGE_COOKIE: Final = "language"
YEAR_SECONDS: Final = 365 * 86_400
Key = tuple[str, tuple[tuple[str, str], ...], str, str]


class Serving:
    """The routes of all pages.

    Args:
        facts: what pages read.
        gate: who may come in.
        language: of readers who ask for none that there is.
        actions: the table of suggested actions.
        streams_limit: pages that are kept up to date at the same time.
    """

    def __init__(
        self, facts: Facts, gate: Gate, *, language: str, actions: tuple[Action, ...], streams_limit: int
    ) -> None:
        self._facts, self._gate = facts, gate
        self._language, self._actions = language, actions
        self._streams_limit = streams_limit
        self._open: dict[Key, tuple[Kept[tuple[dict[str, str], float | None]], int]] = {}
        self._looking, self._takes = asyncio.Lock(), dict[Key, float]()
        self._looked: dict[Key, int] = {}
        """Number of the news when the last look at a page began."""
        self._ending = asyncio.Event()

    def routes(self) -> list[Route]:
        """Return a route for each page."""
        return [Route(page.path, self._endpoint(page)) for page in PAGES]

    def end_streams(self) -> None:
        """End all streams of changes; their pages connect again."""
        self._ending.set()
        self._facts.news.say()

    def reader(self, request: Request, session: Session) -> Reader:
        """Return who reads, in the language of the cookie or the browser."""
        return Reader(session, texts(self.language(request)), self._actions)

    def language(self, request: Request) -> str:
        """Return the language of a request."""
        asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
        return negotiated(asked, request.headers.get("accept-language"), self._language)

    def _endpoint(self, page: Page) -> Any:
        async def endpoint(request: Request) -> Response:
            session, form = self._gate.session(request), request.query_params.get("as", "page")
            if session is None:
                if form != "page":
                    raise HTTPException(HTTPStatus.UNAUTHORIZED)
                return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
            reader, given = self.reader(request, session), {**request.query_params, **request.path_params}
            if form == "live":
                return self._stream(page, reader, given)
            try:
                view = await page.view(self._facts, reader, given)
            except NotFoundError:
                raise HTTPException(HTTPStatus.NOT_FOUND) from None
            except StillReadingError:
                if form != "page":
                    raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "10"}) from None
                reading = replace(page, template="reading.html")
                return self.drawn(request, reading, View(reader.texts("page.reading")), reader)
            if form != "page":
                return await _download(view, form, given, reader.texts.language)
            return self.drawn(request, page, view, reader)

        return endpoint

    def drawn(self, request: Request, page: Page, view: View, reader: Reader) -> Response:
        """Return a page, in the language of its reader."""
        asked = {name: value for name, value in request.query_params.items() if name != "lang"}
        response = HTMLResponse(
            page_text(
                page, view, reader, path=request.url.path, asked_for=asked, token=self._gate.token(reader.session)
            )
        )
        if request.query_params.get("lang") in languages():
            response.set_cookie(
                LANGUAGE_COOKIE, reader.texts.language, max_age=YEAR_SECONDS, httponly=True, samesite="lax"
            )
        return response

    def _stream(self, page: Page, reader: Reader, given: Mapping[str, str]) -> Response:
        if sum(count for _, count in self._open.values()) >= self._streams_limit:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "60"})
        return StreamingResponse(self._changes(page, reader, given), media_type="text/event-stream")

    async def _changes(self, page: Page, reader: Reader, given: Mapping[str, str]) -> AsyncIterator[str]:
        """Yield the parts of a page when they change, until the session or the process ends."""
        asked = tuple(sorted((name, value) for name, value in given.items() if name != "as"))
        key = (page.path, asked, reader.texts.language, reader.session.role)

        async def look() -> tuple[dict[str, str], float | None]:
            async with self._looking:
                began, self._looked[key] = time.monotonic(), self._facts.news.number
                try:
                    view = await page.view(self._facts, reader, given)
                    return live_parts(page, view, reader, path="", asked_for=dict(asked)), view.as_of
                finally:
                    self._takes[key] = time.monotonic() - began

        kept, count = self._open.get(key, (Kept(look, LOOK_SECONDS / 3, busy_share=1.0), 0))
        self._open[key] = (kept, count + 1)
        sent: dict[str, str] = {}
        try:
            yield "retry: 2000\n\n"
            while not self._ending.is_set() and self._gate.is_valid(reader.session):
                try:
                    parts, as_of = await kept.get()
                except StillReadingError:
                    yield "event: reading\ndata: {}\n\n"
                except (NotFoundError, ServerUnavailableError):
                    yield "event: away\ndata: {}\n\n"
                else:
                    for name, text in parts.items():
                        if sent.get(name) != text:
                            yield f"event: part\ndata: {json.dumps({'name': name, 'text': text})}\n\n"
                    sent = dict(parts)
                    yield f"event: now\ndata: {json.dumps({'as_of': as_of})}\n\n"
                await self._rest(self._looked[key])
                if self._looked[key] < self._facts.news.number:
                    kept.renew()
        finally:
            kept, count = self._open[key]
            if count > 1:
                self._open[key] = (kept, count - 1)
            else:
                del self._open[key]
                self._takes.pop(key, None)
                self._looked.pop(key, None)

    async def _rest(self, number: int) -> None:
        """Wait for the next look: a second, or less if there are news since those of this number."""
        shortest, longest = self._pauses()
        await asyncio.sleep(shortest)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest - shortest):
                await self._facts.news.after(number)

    def _pauses(self) -> tuple[float, float]:
        """Return the least and most seconds between two looks: those at all pages take half of the time at most."""
        shortest = max(SHORTEST_SECONDS, sum(self._takes.values()) / LOOKING_SHARE)
        return shortest, max(LOOK_SECONDS, shortest)


async def _download(view: View, form: str, given: Mapping[str, str], language: str) -> Response:
    """Return a table as CSV, or a chart as spec, SVG or PNG. Raises `HTTPException` 404 and 503.

    A page asks for the specs of its charts. One that is gone since the page was drawn is no error: the answer is empty.
    """
    name = given.get("name", "")
    file = {"Content-Disposition": f'attachment; filename="streamseg-{name}.{form}"'}
    if form == "csv" and name in view.tables:
        return Response(view.tables[name].csv().encode("utf-8-sig"), media_type="text/csv", headers=file)
    if form == "json" and name in view.charts:
        return Response(json.dumps(view.charts[name]), media_type="application/json")
    if form == "json":
        return Response(status_code=HTTPStatus.NO_CONTENT)
    try:
        if form == "svg" and name in view.charts:
            return Response(await drawing.svg(view.charts[name], language), media_type="image/svg+xml", headers=file)
        if form == "png" and name in view.charts:
            return Response(await drawing.png(view.charts[name], language), media_type="image/png", headers=file)
    except drawing.DrawingError:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"}) from None
    raise HTTPException(HTTPStatus.NOT_FOUND)
