"""Segments as feature flags: OpenFeature's remote evaluation protocol (OFREP 0.3), single and bulk.

    segment                     text: the customer's segment in the first segmentation, or "unassigned"
    segment.<segmentation>      text: the same in that segmentation
    segments                    object: segmentation -> segment id
    segment.<segment id>        boolean: whether the customer is in the segment
    audience.<audience id>      boolean: whether the customer is in the audience, of those for content

Without consent to personalisation every customer is unassigned, and in no audience. Publishable keys see only public
segments and audiences: the id of an audience may say what the brand wants of the customer.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.routing import Route

from streamseg.api.http.access import Access, Caller
from streamseg.api.http.answers import Answer, age_headers, as_of, etag, matches
from streamseg.api.http.customer_ids import check_customer_id
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import Problem
from streamseg.api.http.request_body import json_document
from streamseg.api.reads.catalogue_cache import CatalogueCache
from streamseg.api.reads.memberships import MembershipReads
from streamseg.api.routes.streams import EventStreams

PATH: Final = "/ofrep/v1/evaluate/flags"
UNASSIGNED_VARIANT: Final = "unassigned"
FLAG: Final = "segment"
ALL: Final = "segments"
AUDIENCE: Final = "audience"


class Ofrep:
    """Evaluates the flags of the customer in `context.targetingKey`.

    Args:
        memberships: reads memberships.
        access: checks which customers a caller may ask for.
        catalogue: the flags that exist, and which segments are public.
        streams: gives the address of an event stream.
        inactivity_seconds: a client that is idle for so long should close its stream.
        public_url: the URL of the API as pages see it; None takes the URL of the request.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        memberships: MembershipReads,
        access: Access,
        catalogue: CatalogueCache,
        streams: EventStreams,
        *,
        inactivity_seconds: int,
        public_url: str | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._memberships = memberships
        self._access = access
        self._catalogue = catalogue
        self._streams = streams
        self._inactivity_seconds = inactivity_seconds
        self._public_url = public_url
        self._clock = clock

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the routes of bulk and single evaluation."""
        return [keyed("POST", PATH, self.bulk), keyed("POST", PATH + "/{key:path}", self.one)]

    async def one(self, request: AdmittedRequest) -> Answer:
        """Answer with one flag."""
        key = request.path("key")
        try:
            customer_id = self._customer(await _body(request), request.caller)
        except _ContextError as error:
            return _failure(400, error.code, str(error), key)
        stored = await self._memberships.one(customer_id)
        flag = self._flags(stored, request.caller).get(key)
        if flag is None:
            return _failure(404, "FLAG_NOT_FOUND", "there is no such flag", key)
        return Answer(200, msgspec.json.encode(flag), headers={b"cache-control": b"no-store"} | self._age(stored))

    async def bulk(self, request: AdmittedRequest) -> Answer:
        """Answer with all flags, and with an event stream that tells the client when to ask again.

        The validator covers the stream's address: after a 304 the client goes on using the one that it has.
        """
        try:
            customer_id = self._customer(await _body(request), request.caller)
        except _ContextError as error:
            return _failure(400, error.code, str(error))
        stored = await self._memberships.one(customer_id)
        flags = msgspec.json.encode(list(self._flags(stored, request.caller).values()))
        path = await self._streams.ticket(customer_id, stored, request.caller.key.id)
        url = (self._public_url or str(request.http.base_url)).rstrip("/") + path
        tag = b"W/" + etag(flags + url.partition("?")[0].encode())  # weak: the last change seen may differ
        headers = {b"etag": tag, b"cache-control": b"no-store"} | self._age(stored)
        given = request.headers.get(b"if-none-match")
        if given is not None and matches(given, tag.removeprefix(b"W/")):
            return Answer(304, b"", headers=headers)
        streams = [{"type": "sse", "url": url, "inactivityDelaySec": self._inactivity_seconds}]
        return Answer(
            200,
            b'{"flags":%b,"metadata":{},"eventStreams":%b}' % (flags, msgspec.json.encode(streams)),
            headers=headers,
        )

    def _customer(self, body: bytes, caller: Caller) -> str:
        try:
            document = json_document(body)
        except Problem as problem:
            raise _ContextError("PARSE_ERROR", problem.detail) from None
        context = document.get("context") if isinstance(document, dict) else None
        if not isinstance(context, dict):
            raise _ContextError("INVALID_CONTEXT", "context must be an object")
        if not context.get("targetingKey"):
            raise _ContextError("TARGETING_KEY_MISSING", "context.targetingKey must be the customer id")
        try:
            customer_id = check_customer_id(context["targetingKey"])
        except Problem as problem:
            raise _ContextError("INVALID_CONTEXT", f"context.targetingKey: {problem.detail}") from None
        self._access.prove(caller, customer_id)
        return customer_id

    def _age(self, stored: bytes | None) -> dict[bytes, bytes]:
        now = self._clock()
        return age_headers((as_of(stored) if stored is not None else None) or int(now), now)

    def _flags(self, stored: bytes | None, caller: Caller) -> dict[str, dict[str, Any]]:
        full = msgspec.json.decode(stored) if stored is not None else {"segments": {}, "consent": {}}
        allowed = bool(full["consent"].get("personalisation"))
        assigned = {
            segmentation: segment["id"]
            for segmentation, segment in full["segments"].items()
            if allowed and segment is not None and (caller.is_secret or self._catalogue.is_public(segment["id"]))
        }
        shown = self._catalogue.listed(public_only=not caller.is_secret)
        segmentations = sorted({str(entry["segmentation"]) for entry in shown} | set(assigned))
        first = assigned.get(segmentations[0]) if segmentations else None
        flags = {FLAG: _text(FLAG, first), ALL: _flag(ALL, assigned, ALL, assigned=bool(assigned))}
        for segmentation in segmentations:
            key = f"{FLAG}.{segmentation}"
            flags[key] = _text(key, assigned.get(segmentation))
        for segment in [str(entry["id"]) for entry in shown if entry.get("retired") is None]:
            key, inside = f"{FLAG}.{segment}", segment in assigned.values()
            flags[key] = _flag(key, inside, "in" if inside else "out", assigned=bool(assigned))
        catalogue = self._catalogue
        for audience in catalogue.content_audiences if caller.is_secret else sorted(catalogue.public_audiences):
            key, inside = f"{AUDIENCE}.{audience}", allowed and audience in full.get("audiences", ())
            flags[key] = _flag(key, inside, "in" if inside else "out", assigned=inside)
        return flags


class _ContextError(Exception):
    """The evaluation context is unusable; `code` is OFREP's error code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


async def _body(request: AdmittedRequest) -> bytes:
    try:
        return await request.body()
    except Problem as problem:
        if problem.status != HTTPStatus.BAD_REQUEST:
            raise
        raise _ContextError("PARSE_ERROR", problem.detail) from None


def _text(key: str, segment: str | None) -> dict[str, Any]:
    return _flag(key, segment or UNASSIGNED_VARIANT, segment or UNASSIGNED_VARIANT, assigned=segment is not None)


def _flag(key: str, value: object, variant: str, *, assigned: bool) -> dict[str, Any]:
    reason = "TARGETING_MATCH" if assigned else "DEFAULT"
    return {"key": key, "value": value, "reason": reason, "variant": variant, "metadata": {}}


def _failure(status: int, code: str, detail: str, key: str | None = None) -> Answer:
    body = {"errorCode": code, "errorDetails": detail} | ({} if key is None else {"key": key})
    return Answer(status, msgspec.json.encode(body), headers={b"cache-control": b"no-store"})
