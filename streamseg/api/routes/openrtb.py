"""`GET /v1/openrtb/user?id=`: a customer's segments for ad servers.

The answer comes from the ads view (`ssg:v1:a:<id>`), which exists only with consent to ads. So the API can never show
more than a bidder sees that reads Redis directly.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from starlette.routing import Route

from streamseg.api.ads.user_fragment import EMPTY, checked_audiences, user_fragment
from streamseg.api.http.access import Access
from streamseg.api.http.answers import VARY, Answer, Freshness, answer_with
from streamseg.api.http.customer_ids import check_customer_id
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import store_unavailable
from streamseg.api.reads.batched_reads import BatchedReads
from streamseg.api.reads.catalogue_cache import CatalogueCache
from streamseg.errors import StoreUnavailableError

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
        """Return the route."""
        return [keyed("GET", "/v1/openrtb/user", self.user)]

    async def user(self, request: AdmittedRequest) -> Answer:
        """Answer with the fragment; empty when unknown, without ads consent, or with Global Privacy Control."""
        customer_id = check_customer_id(request.query("id"))
        self._access.prove(request.caller, customer_id)
        now = self._clock()
        decided, document = int(now), EMPTY
        if request.headers.get(b"sec-gpc") == b"1":
            document = EMPTY | {"regs": {"ext": {"gpc": "1"}}}
        else:
            try:
                stored = await self._ads_views.one(customer_id)
            except StoreUnavailableError:
                raise store_unavailable(EMPTY) from None
            if stored is not None:
                view = msgspec.json.decode(stored)
                decided = view["as_of"]
                secret = request.caller.is_secret
                shown = [each for each in view["segments"] if secret or self._catalogue.is_public(each)]
                labels = {each: str(self._catalogue.entries.get(each, {}).get("label", "")) for each in shown}
                document = user_fragment(shown, self._provider, labels, self._audiences)
        return answer_with(
            msgspec.json.encode(document),
            decided=decided,
            now=now,
            cache_control=self._cache_control,
            if_none_match=request.headers.get(b"if-none-match"),
            vary=VARY_GPC,
        )
