"""`/v1/audiences`: list, declare, preview, count, compare and drop audiences, for secret keys with a scope."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.routing import Route

from streamseg.api.http.access import need_scope
from streamseg.api.http.answers import Answer, answer_with
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import Problem, store_unavailable
from streamseg.api.http.request_body import json_object
from streamseg.errors import LayoutMismatchError, NotFoundError, SettingsError, StoreUnavailableError, StreamsegError

if TYPE_CHECKING:
    from streamseg.service.audience_desk import AudienceDesk
    from streamseg.service.audit_trail import Author

log = logging.getLogger(__name__)

PATH: Final = "/v1/audiences"
PLACE: Final = re.compile(r"[0-9]{1,6}\.[0-9]{1,20}")
"""Where a page of members begins."""
RETRY_AFTER: Final = {b"retry-after": b"5"}
Found = TypeVar("Found")


class Audiences:
    """Answers about audiences. `desk` is made with the first request: it loads what lookups do not need."""

    def __init__(self, desk: "Callable[[], AudienceDesk]", clock: Callable[[], float] = time.time) -> None:
        self._make = desk
        self._desk: AudienceDesk | None = None
        self._making = asyncio.Lock()
        self._clock = clock

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the routes."""
        return [
            keyed("GET", PATH, self.listed),
            keyed("POST", PATH, self.declare),
            keyed("POST", f"{PATH}:preview", self.preview),
            keyed("GET", f"{PATH}:counts", self.counts),
            keyed("GET", f"{PATH}:overlap", self.overlap),
            keyed("GET", PATH + "/{id}", self.shown),
            keyed("DELETE", PATH + "/{id}", self.drop),
            keyed("GET", PATH + "/{id}/members", self.members),
        ]

    async def listed(self, request: AdmittedRequest) -> Answer:
        """Answer with all audiences: definitions, versions, and sizes as counted last."""
        need_scope(request.caller, "audiences:read")
        generation, found = await self._ask(lambda desk: desk.listed())
        return self._answer(request, {"generation": generation, "audiences": found})

    async def shown(self, request: AdmittedRequest) -> Answer:
        """Answer with one audience."""
        need_scope(request.caller, "audiences:read")
        audience = request.path("id")
        return self._answer(request, await self._ask(lambda desk: desk.shown(audience)))

    async def declare(self, request: AdmittedRequest) -> Answer:
        """Declare the audiences in the body, or change them."""
        body = await self._document(request)
        declared = await self._ask(lambda desk: desk.declare(body, _author(request)))
        for one, changed in declared:
            if changed:
                log.info("%s declared audience %s, version %d", _who(request), one.id, one.version)
        shown = [{"id": one.id, "version": one.version, "changed": changed} for one, changed in declared]
        return self._answer(request, {"audiences": shown})

    async def drop(self, request: AdmittedRequest) -> Answer:
        """Drop an audience for good."""
        need_scope(request.caller, "audiences:write")
        audience = request.path("id")
        await self._ask(lambda desk: desk.drop(audience, _author(request)))
        log.info("%s dropped audience %s", _who(request), audience)
        return self._answer(request, {"dropped": audience})

    async def preview(self, request: AdmittedRequest) -> Answer:
        """Answer with who would belong to the audiences in the body. Nothing is declared."""
        body = await self._document(request)
        found = await self._ask(lambda desk: desk.preview(body))
        return self._answer(request, {"audiences": [asdict(one) for one in found]}, found[0].as_of)

    async def counts(self, request: AdmittedRequest) -> Answer:
        """Answer with counts and viability of all audiences, from all rows."""
        need_scope(request.caller, "audiences:read")
        as_of, counts = await self._ask(lambda desk: desk.counts())
        found = {"as_of": as_of, "audiences": [asdict(one) for one in counts.values()]}
        return self._answer(request, found, as_of)

    async def overlap(self, request: AdmittedRequest) -> Answer:
        """Answer with every audience against every segment, from all rows."""
        need_scope(request.caller, "audiences:read")
        found = await self._ask(lambda desk: desk.overlap())
        return self._answer(request, asdict(found), found.as_of)

    async def members(self, request: AdmittedRequest) -> Answer:
        """Answer with a page of members: pseudonyms, and customer ids for a key that may see them."""
        need_scope(request.caller, "audiences:read")
        audience, after = request.path("id"), request.http.query_params.get("after")
        if after is not None and not PLACE.fullmatch(after):
            raise Problem(422, "must be what a page of members names as `next`", field="after")
        with_ids = "audiences:members" in request.caller.key.scopes
        return self._answer(request, await self._ask(lambda desk: desk.members(audience, after, with_ids=with_ids)))

    async def reasons(self, customer_id: str, language: str) -> dict[str, dict[str, Any]]:
        """Return why a customer is in each audience or not. Raises `Problem` 503."""
        return await self._ask(lambda desk: desk.reasons(customer_id, language))

    async def _document(self, request: AdmittedRequest) -> bytes:
        body = await request.body()
        need_scope(request.caller, "audiences:write")
        json_object(body)
        return body

    async def _ask(self, question: "Callable[[AudienceDesk], Awaitable[Found]]") -> Found:
        """Return the desk's answer; its errors become problems."""
        try:
            async with self._making:
                if self._desk is None:
                    self._desk = await asyncio.to_thread(self._make)
            return await question(self._desk)
        except StoreUnavailableError:
            raise store_unavailable() from None
        except LayoutMismatchError:
            raise Problem(
                503, "the layout of the stored rows differs from that of this process", headers={b"retry-after": b"60"}
            ) from None
        except NotFoundError as error:
            raise Problem(404, str(error), field="id") from None
        except SettingsError as error:
            raise _wrong(error) from None
        except StreamsegError as error:
            raise Problem(429, str(error), headers=RETRY_AFTER) from None

    def _answer(self, request: AdmittedRequest, found: dict[str, Any], as_of: int | None = None) -> Answer:
        now = self._clock()
        return answer_with(
            msgspec.json.encode(found),
            decided=int(now) if as_of is None else as_of,
            now=now,
            cache_control=b"no-store",
            if_none_match=request.headers.get(b"if-none-match") if request.http.method == "GET" else None,
        )


def _wrong(error: SettingsError) -> Problem:
    """Return what is wrong with a document, all of it, or why it cannot be declared."""
    from streamseg.audiences.definition_files import DefinitionError  # noqa: PLC0415 - loaded with the desk

    if not isinstance(error, DefinitionError):
        return Problem(409, str(error), field="audience")
    errors = [{"field": one.field or "body", "audience": one.name or None, "detail": one.text} for one in error.found]
    return Problem(422, str(errors[0]["detail"]), field=str(errors[0]["field"]), more={"errors": errors})


def _who(request: AdmittedRequest) -> str:
    """Return who asks: the name and the id of the key."""
    return f"key {request.caller.key.name} ({request.caller.key.id})"


def _author(request: AdmittedRequest) -> "Author":
    """Return who asks, for the audit log."""
    from streamseg.service.audit_trail import API_ROLE, Author  # noqa: PLC0415 - loaded with the desk

    return Author(request.caller.key.name, request.caller.key.id, API_ROLE)
