"""Who is where: one customer, up to 100, and the segments there are."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from streamseg.api.http.access import Access, Caller, Headers, need_secret
from streamseg.api.http.answers import Answer, Freshness, answer_with, as_of
from streamseg.api.http.problems import Problem, json_object, store_away
from streamseg.api.http.request_metrics import Meters
from streamseg.api.routes.customer_answers import check_customer_id, public_view, unknown
from streamseg.api.routes.known_segments import Catalogue
from streamseg.api.routes.shared_reads import SharedReads
from streamseg.errors import StoreUnavailableError

BATCH_AT_MOST: Final = 100


class Lookups:
    """Answers from the stored strings, which go out untouched."""

    def __init__(
        self,
        reads: SharedReads,
        access: Access,
        catalogue: Catalogue,
        *,
        freshness: Freshness,
        meters: Meters,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reads = reads
        self._access = access
        self._catalogue = catalogue
        self._cache_control = freshness.header
        self._clock = clock
        count = meters.metrics.lookups
        self._hit, self._miss, self._unavailable = (count.labels(each) for each in ("hit", "miss", "unavailable"))

    async def membership(self, customer_id: str) -> bytes | None:
        """The stored string. Raises the marked empty `Problem` while the store is away."""
        try:
            return await self._reads.one(customer_id)
        except StoreUnavailableError:
            self._unavailable.inc()
            raise store_away(unknown(customer_id)) from None

    async def one(self, customer_id: str, caller: Caller, headers: Headers) -> Answer:
        """`GET /v1/customers/{id}/segments`."""
        self._access.prove(caller, check_customer_id(customer_id))
        stored = await self.membership(customer_id)
        now = self._clock()
        (self._miss if stored is None else self._hit).inc()
        if stored is None:
            body, decided = msgspec.json.encode(unknown(customer_id)), int(now)
        else:
            body = stored if caller.is_secret else public_view(stored, self._catalogue.is_public)
            decided = as_of(stored) or int(now)
        return answer_with(
            body,
            decided=decided,
            now=now,
            cache_control=self._cache_control,
            if_none_match=headers.get(b"if-none-match"),
        )

    async def many(self, body: bytes, caller: Caller) -> Answer:
        """`POST /v1/segments:batchGet` with `{"ids": [...]}`; the answers stand in the order asked."""
        need_secret(caller)
        ids = _ids(body)
        try:
            found = await self._reads.many(ids)
        except StoreUnavailableError:
            self._unavailable.inc(len(ids))
            raise store_away({"customers": [unknown(customer_id) for customer_id in ids]}) from None
        self._hit.inc(len(found) - found.count(None))
        self._miss.inc(found.count(None))
        now = self._clock()
        pieces = [
            msgspec.json.encode(unknown(customer_id)) if stored is None else stored
            for customer_id, stored in zip(ids, found, strict=True)
        ]
        decided = min((as_of(stored) or int(now) for stored in found if stored is not None), default=int(now))
        return answer_with(
            b'{"as_of":%d,"customers":[%b]}' % (decided, b",".join(pieces)),
            decided=decided,
            now=now,
            cache_control=self._cache_control,
        )

    def segments(self, caller: Caller, headers: Headers) -> Answer:
        """`GET /v1/segments`: the catalogue; a publishable key sees its public part."""
        if self._catalogue.read_at is None:
            raise store_away({"segments": []})
        listed = self._catalogue.listed(public_only=not caller.is_secret)
        return answer_with(
            msgspec.json.encode({"segments": listed}),
            decided=self._catalogue.read_at,
            now=self._clock(),
            cache_control=self._cache_control,
            if_none_match=headers.get(b"if-none-match"),
        )


def _ids(body: bytes) -> list[str]:
    ids = json_object(body).get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= BATCH_AT_MOST:
        raise Problem(422, f"ids must be a list of 1-{BATCH_AT_MOST} customer ids", field="ids")
    return [check_customer_id(each, f"ids[{position}]") for position, each in enumerate(ids)]
