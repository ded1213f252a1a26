"""Look up the memberships of one customer, or of up to 100."""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.routing import Route

from streamseg.api.http.access import Access, Caller, Headers, need_secret
from streamseg.api.http.answers import Answer, Freshness, answer_with, as_of
from streamseg.api.http.customer_ids import check_customer_id
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import Problem
from streamseg.api.http.request_body import json_object
from streamseg.api.reads.catalogue_cache import CatalogueCache
from streamseg.api.reads.memberships import MembershipReads, public_view, unknown
from streamseg.metrics import Metrics

PATH: Final = "/v1/customers/{id:path}/segments"
IDS_AT_MOST: Final = 100


class Lookups:
    """Answers with the stored strings, byte for byte; a publishable key gets the public view."""

    def __init__(
        self,
        memberships: MembershipReads,
        access: Access,
        catalogue: CatalogueCache,
        *,
        freshness: Freshness,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._memberships = memberships
        self._access = access
        self._catalogue = catalogue
        self._cache_control = freshness.header
        self._clock = clock
        self._age = metrics.answer_age
        self._hit, self._miss = (metrics.lookups.labels(each) for each in ("hit", "miss"))

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the routes of single lookups and batches."""
        return [keyed("GET", PATH, self._customer), keyed("POST", "/v1/segments:batchGet", self.many)]

    async def one(self, customer_id: str, caller: Caller, headers: Headers) -> Answer:
        """Answer a single lookup. Takes no Starlette request, so that `Api` can call it directly."""
        self._access.prove(caller, check_customer_id(customer_id))
        stored = await self._memberships.one(customer_id)
        now = self._clock()
        (self._miss if stored is None else self._hit).inc()
        if stored is None:
            body, decided = msgspec.json.encode(unknown(customer_id)), int(now)
        else:
            body = stored if caller.is_secret else self._public(stored)
            decided = as_of(stored) or int(now)
            self._age.observe(max(0.0, now - decided))
        return answer_with(
            body,
            decided=decided,
            now=now,
            cache_control=self._cache_control,
            if_none_match=headers.get(b"if-none-match"),
        )

    def _public(self, stored: bytes) -> bytes:
        return public_view(stored, self._catalogue.is_public, self._catalogue.public_audiences)

    async def many(self, request: AdmittedRequest) -> Answer:
        """`POST /v1/segments:batchGet` with `{"ids": [...]}`: the memberships in the order of the ids."""
        body = await request.body()
        need_secret(request.caller)
        ids = _ids(body)
        found = await self._memberships.many(ids)
        self._hit.inc(len(found) - found.count(None))
        self._miss.inc(found.count(None))
        now = self._clock()
        pieces = [
            msgspec.json.encode(unknown(customer_id)) if stored is None else stored
            for customer_id, stored in zip(ids, found, strict=True)
        ]
        times = [as_of(stored) or int(now) for stored in found if stored is not None]
        for at in times:
            self._age.observe(max(0.0, now - at))
        decided = min(times, default=int(now))
        return answer_with(
            b'{"as_of":%d,"customers":[%b]}' % (decided, b",".join(pieces)),
            decided=decided,
            now=now,
            cache_control=self._cache_control,
        )

    async def _customer(self, request: AdmittedRequest) -> Answer:
        return await self.one(request.path("id"), request.caller, request.headers)


def _ids(body: bytes) -> list[str]:
    ids = json_object(body).get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= IDS_AT_MOST:
        raise Problem(422, f"ids must be a list of 1-{IDS_AT_MOST} customer ids", field="ids")
    return [check_customer_id(each, f"ids[{position}]") for position, each in enumerate(ids)]
