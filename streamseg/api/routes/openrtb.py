"""`GET /v1/openrtb/user?id=`, or `POST` from pages: a customer's segments for ad servers.

The answer comes from the ads view (`ssg:v1:a:<id>`), which exists only with consent to ads. So the API can never show
more than a bidder sees that reads Redis directly.

A page that sends its key in a header waits for a CORS preflight first, which takes longer than an auction. So it may
send id, key and hash as the body of a POST. They are not in the URL, because proxies log URLs.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.ads.user_fragment import EMPTY, checked_audiences, user_fragment
from streamseg.api.http.access import Access, Caller, Headers
from streamseg.api.http.answers import VARY, Answer, Freshness, answer_with
from streamseg.api.http.customer_ids import check_customer_id
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import Problem, store_unavailable
from streamseg.api.http.request_body import json_object, read_body
from streamseg.api.reads.batched_reads import BatchedReads
from streamseg.api.reads.catalogue_cache import CatalogueCache
from streamseg.errors import StoreUnavailableError

PATH: Final = "/v1/openrtb/user"
BODY_LIMIT_BYTES: Final = 4_096
VARY_GPC: Final = VARY + b", Sec-GPC"


class OpenRtb:
    """Answers with an OpenRTB `user` fragment. Raises `SettingsError` for unknown IAB ids.

    Args:
        ads_views: reads ads views.
        access: checks which customers a caller may ask for.
        catalogue: labels, and which segments are public.
        provider: name of the data provider in the fragment.
        audiences: IAB ids by segment id.
        freshness: how long an answer may be kept.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        ads_views: BatchedReads,
        access: Access,
        catalogue: CatalogueCache,
        *,
        provider: str,
        audiences: Mapping[str, Sequence[str]],
        freshness: Freshness,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ads_views = ads_views
        self._access = access
        self._catalogue = catalogue
        self._provider = provider
        self._audiences = checked_audiences(audiences)
        self._cache_control = freshness.header
        self._clock = clock

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the routes."""
        return [keyed("GET", PATH, self.user), Route(PATH, self.posted, methods=["POST"])]

    async def user(self, request: AdmittedRequest) -> Answer:
        """Answer with the fragment; empty when unknown, without ads consent, or with Global Privacy Control."""
        return await self._fragment(request.caller, request.query("id"), request.headers)

    async def posted(self, request: Request) -> Response:
        """Answer the same to a page that sends `{"id": ..., "key": "pk_...", "hash": ...}` as the body."""
        headers = dict(request.scope["headers"])
        given = json_object(await read_body(request.receive, headers, BODY_LIMIT_BYTES))
        for field in ("key", "hash"):
            if not isinstance(given.get(field), str | None):
                raise Problem(422, f"{field} must be text", field=field)
        key, proof = given.get("key") or "", given.get("hash")
        credentials = {b"x-api-key": key.encode("utf-8", "replace")}
        if proof is not None:
            credentials[b"x-streamseg-hash"] = proof.encode("utf-8", "replace")
        caller = self._access.admit(credentials)
        if caller.is_secret:
            raise Problem(403, "send a secret key in a header only", field="key")
        return (await self._fragment(caller, given.get("id"), headers)).response()

    async def _fragment(self, caller: Caller, given_id: object, headers: Headers) -> Answer:
        customer_id = check_customer_id(given_id)
        self._access.prove(caller, customer_id)
        now = self._clock()
        decided, document = int(now), EMPTY
        if headers.get(b"sec-gpc") == b"1":
            document = EMPTY | {"regs": {"ext": {"gpc": "1"}}}
        else:
            try:
                stored = await self._ads_views.one(customer_id)
            except StoreUnavailableError:
                raise store_unavailable(EMPTY) from None
            if stored is not None:
                view = msgspec.json.decode(stored)
                decided = view["as_of"]
                secret = caller.is_secret
                shown = [each for each in view["segments"] if secret or self._catalogue.is_public(each)]
                labels = {each: str(self._catalogue.entries.get(each, {}).get("label", "")) for each in shown}
                if secret:  # no audience is public: its id may say what the brand wants of the customer
                    shown += view.get("audiences", ())
                document = user_fragment(shown, self._provider, labels, self._audiences)
        return answer_with(
            msgspec.json.encode(document),
            decided=decided,
            now=now,
            cache_control=self._cache_control,
            if_none_match=headers.get(b"if-none-match"),
            vary=VARY_GPC,
        )
