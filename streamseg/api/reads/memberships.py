"""Read memberships with the API's answers for unknown customers, browsers, and a store that does not answer."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from streamseg.api.http.problems import store_unavailable
from streamseg.api.reads.batched_reads import BatchedReads
from streamseg.errors import StoreUnavailableError
from streamseg.metrics import Metrics


class MembershipReads:
    """Reads membership strings, and raises the marked 503 with an empty answer when the store does not answer."""

    def __init__(self, reads: BatchedReads, metrics: Metrics) -> None:
        self._reads = reads
        self._unavailable = metrics.lookups.labels("unavailable")

    async def one(self, customer_id: str) -> bytes | None:
        """Return the stored string, or None for an unknown customer. Raises `Problem` 503."""
        try:
            return await self._reads.one(customer_id)
        except StoreUnavailableError:
            self._unavailable.inc()
            raise store_unavailable(unknown(customer_id)) from None

    async def many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return the stored strings in the order of the ids. Raises `Problem` 503."""
        try:
            return await self._reads.many(customer_ids)
        except StoreUnavailableError:
            self._unavailable.inc(len(customer_ids))
            raise store_unavailable({"customers": [unknown(each) for each in customer_ids]}) from None


def unknown(customer_id: str) -> dict[str, Any]:
    """Return the answer for a customer without a membership."""
    return {"customer_id": customer_id, "known": False, "segments": {}}


def public_view(membership: bytes, is_public: Callable[[str], bool], public_audiences: Collection[str] = ()) -> bytes:
    """Return what a browser may see of a membership string.

    That is the segments and audiences whose ids are public; none without consent to personalisation.
    """
    full = msgspec.json.decode(membership)
    allowed = bool(full["consent"]["personalisation"])
    view = {
        "v": full["v"],
        "customer_id": full["customer_id"],
        "as_of": full["as_of"],
        "segments": {
            segmentation: segment
            for segmentation, segment in full["segments"].items()
            if allowed and segment is not None and is_public(segment["id"])
        },
    }
    if public_audiences:
        view["audiences"] = [one for one in full.get("audiences", ()) if allowed and one in public_audiences]
    return msgspec.json.encode(view)
