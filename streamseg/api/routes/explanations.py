"""`GET /v1/customers/{id}/why`: the features that pull a customer to their segment, and why they are in audiences."""

import time
from typing import Any

import msgspec
from starlette.routing import Route

from streamseg.api.http.access import need_secret
from streamseg.api.http.answers import VARY, Answer, answer_with, as_of
from streamseg.api.http.customer_ids import check_customer_id
from streamseg.api.http.endpoint import AdmittedRequest, KeyedRoute
from streamseg.api.http.problems import Problem, store_unavailable
from streamseg.api.reads.memberships import MembershipReads
from streamseg.api.routes.audiences import Audiences
from streamseg.errors import LayoutMismatchError, StoreUnavailableError
from streamseg.language import DEFAULT, negotiated
from streamseg.service.explainer import Explainer


class Explanations:
    """Answers with explanations."""

    def __init__(
        self, memberships: MembershipReads, explainer: Explainer, audiences: Audiences, language: str = DEFAULT
    ) -> None:
        self._memberships = memberships
        self._explainer = explainer
        self._audiences = audiences
        self._language = language

    def routes(self, keyed: KeyedRoute) -> list[Route]:
        """Return the route."""
        return [keyed("GET", "/v1/customers/{id:path}/why", self.why)]

    async def why(self, request: AdmittedRequest) -> Answer:
        """Answer with the explanation by segmentation and audience; empty for unknown and unassigned customers."""
        need_secret(request.caller)
        customer_id = check_customer_id(request.path("id"))
        membership = await self._memberships.one(customer_id)
        explained = {} if membership is None else await self._explain(customer_id, membership)
        audiences = {}
        if membership is not None and "audiences" in msgspec.json.decode(membership):
            accepted = request.headers.get(b"accept-language", b"").decode("latin-1")
            language = negotiated(request.http.query_params.get("lang"), accepted, self._language)
            audiences = await self._audiences.reasons(customer_id, language)
        now = time.time()
        decided = as_of(membership) if membership is not None else None
        return answer_with(
            msgspec.json.encode(_body(customer_id, explained, audiences, known=membership is not None)),
            decided=int(now) if decided is None else decided,
            now=now,
            cache_control=b"no-store",
            if_none_match=request.headers.get(b"if-none-match"),
            vary=VARY + b", Accept-Language",
        )

    async def _explain(self, customer_id: str, membership: bytes) -> dict[str, Any]:
        try:
            return await self._explainer.explain(membership)
        except StoreUnavailableError:
            raise store_unavailable(_body(customer_id, {}, {}, known=False)) from None
        except LayoutMismatchError:
            raise Problem(
                503,
                "the layout of the stored rows differs from that of this process",
                headers={b"retry-after": b"60"},
            ) from None


def _body(customer_id: str, explained: dict[str, Any], audiences: dict[str, Any], *, known: bool) -> dict[str, Any]:
    return {"customer_id": customer_id, "known": known, "segmentations": explained, "audiences": audiences}
