"""`GET /v1/segments`: the published segments in the reader's language; with a publishable key, the public ones."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec
from starlette.routing import Route

from streamseg.api.http.answers import VARY, Answer, Freshness, answer_with
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import store_unavailable
from streamseg.api.reads.catalogue_cache import CatalogueCache
from streamseg.language import DEFAULT, negotiated

_VARY: Final = VARY + b", Accept-Language"


class SegmentList:
    """Lists the catalogue; `language` is that of readers who ask for none that there is."""

    def __init__(
        self,
        catalogue: CatalogueCache,
        *,
        freshness: Freshness,
        language: str = DEFAULT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._catalogue = catalogue
        self._cache_control = freshness.header
        self._language = language
        self._clock = clock

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the route."""
        return [keyed("GET", "/v1/segments", self.segments)]

    async def segments(self, request: AdmittedRequest) -> Answer:
        """Answer with the list, or the marked 503 before the catalogue was read."""
        if self._catalogue.read_at is None:
            raise store_unavailable({"segments": []})
        accepted = request.headers.get(b"accept-language", b"").decode("latin-1")
        language = negotiated(request.http.query_params.get("lang"), accepted, self._language)
        listed = self._catalogue.listed(public_only=not request.caller.is_secret, language=language)
        answer = answer_with(
            msgspec.json.encode({"segments": listed}),
            decided=self._catalogue.read_at,
            now=self._clock(),
            cache_control=self._cache_control,
            if_none_match=request.headers.get(b"if-none-match"),
            vary=_VARY,
        )
        return replace(answer, headers={**answer.headers, b"content-language": language.encode()})
