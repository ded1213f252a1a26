"""`GET /v1/customers/{id}/why`: what pulls a customer to their segment, feature by feature."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from streamseg.api.http.access import need_secret
from streamseg.api.http.answers import Answer, answer_with, as_of
from streamseg.api.http.endpoint import Ask
from streamseg.api.http.problems import Problem, store_away
from streamseg.api.routes.customer_answers import check_customer_id
from streamseg.api.routes.lookups import Lookups
from streamseg.errors import LayoutMismatchError, StoreUnavailableError
from streamseg.ports import ModelStore, StateStore
from streamseg.topics import CLICKS

if TYPE_CHECKING:
    from streamseg.features.layout import Layout


class Why:
    """Explains memberships. `layout` is asked with each row: rows of later segmentations are to be read too."""

    def __init__(
        self,
        lookups: Lookups,
        state: StateStore,
        models: ModelStore,
        layout: Callable[[], Awaitable["Layout"]],
        partition_of: Callable[[str, int], int],
    ) -> None:
        self._lookups = lookups
        self._state = state
        self._models = models
        self._layout = layout
        self._partition_of = partition_of
        self._one_at_a_time = asyncio.Semaphore(1)
        """Explaining is computing: more at once would only hold up the lookups."""

    async def customer(self, ask: Ask) -> Answer:
        """The pulls by segmentation; none for the unknown and unassigned."""
        need_secret(ask.caller)
        customer_id = check_customer_id(ask.path("id"))
        membership = await self._lookups.membership(customer_id)
        told: dict[str, Any] = {}
        if membership is not None:
            try:
                row, snapshots = await self._stored(customer_id, msgspec.json.decode(membership)["segments"])
                layout = await self._layout()
            except StoreUnavailableError:
                raise store_away({"customer_id": customer_id, "known": False, "segmentations": {}}) from None
            if row is not None:
                async with self._one_at_a_time:
                    told = await asyncio.to_thread(_explain, layout, membership, row, snapshots)
        body = {"customer_id": customer_id, "known": membership is not None, "segmentations": told}
        now = time.time()
        decided = as_of(membership) if membership is not None else None
        return answer_with(
            msgspec.json.encode(body),
            decided=int(now) if decided is None else decided,
            now=now,
            cache_control=b"no-store",
            if_none_match=ask.headers.get(b"if-none-match"),
        )

    async def _stored(self, customer_id: str, segmentations: dict[str, Any]) -> tuple[bytes | None, dict[str, bytes]]:
        head = await self._state.metadata(0)
        if head is None or CLICKS not in head.topics:
            return None, {}
        partition = self._partition_of(customer_id, head.topics[CLICKS][1])
        (row,) = await self._state.load(partition, [customer_id])
        found = {name: await self._models.snapshot(name) for name in segmentations}
        return row, {name: snapshot for name, snapshot in found.items() if snapshot is not None}


def _explain(layout: "Layout", membership: bytes, row: bytes, snapshots: dict[str, bytes]) -> dict[str, Any]:
    from streamseg.service.explanation import explanation  # noqa: PLC0415 - loads numpy and scipy

    try:
        return explanation(layout, membership, row, snapshots)
    except LayoutMismatchError:
        raise Problem(
            503, "the stored rows have another layout than this process", headers={b"retry-after": b"60"}
        ) from None
