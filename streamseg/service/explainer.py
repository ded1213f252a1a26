"""Read what an explanation needs from the stores, and compute it in a thread.

`explanation` loads numpy and scipy, so it is imported at the first call: the API starts without them.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from streamseg.language import DEFAULT
from streamseg.ports import ModelStore, StateStore
from streamseg.topics import CLICKS

if TYPE_CHECKING:
    from streamseg.audiences.declared import DeclaredAudiences
    from streamseg.audiences.lists.content import LoadedList
    from streamseg.clustering.likeness.models import Lookalikes
    from streamseg.clustering.population import Population
    from streamseg.features.layout import Layout
    from streamseg.pipeline import LiveAudiences


class Explainer:
    """Explains why a customer is in their segments, one customer at a time.

    Args:
        state: the stored rows.
        models: the current snapshots.
        layout: makes the layout of the settings.
        partition_of: returns the partition of a customer, given the number of partitions.
        populations: returns who belongs, by segmentation, where that is not everybody.
        rules: prepares the rules of declared segmentations, given what they may ask of; None without any.
    """

    def __init__(
        self,
        state: StateStore,
        models: ModelStore,
        layout: Callable[[], "Layout"],
        partition_of: Callable[[str, int], int],
        populations: "Callable[[], Mapping[str, Population]]" = dict,
        *,
        rules: "Callable[[DeclaredAudiences, Mapping[str, LoadedList], Lookalikes], LiveAudiences] | None" = None,
    ) -> None:
        self._state = state
        self._models = models
        self._layout = layout
        self._partition_of = partition_of
        self._populations = populations
        self._rules = rules
        self._computing = asyncio.Semaphore(1)
        """Explanations use the CPU: running several at once would only delay lookups."""

    async def explain(self, membership: bytes, language: str = DEFAULT) -> dict[str, Any]:
        """Return the explanation by segmentation; empty without a row, and for unassigned customers.

        Args:
            membership: the stored membership string.
            language: of what rules ask.

        Raises:
            StoreUnavailableError: a store did not answer.
            LayoutMismatchError: the row has a layout that this process cannot read.
        """
        published = msgspec.json.decode(membership)
        row = await self._row(published["customer_id"])
        if row is None:
            return {}
        found = {name: await self._models.snapshot(name) for name in published["segments"]}
        snapshots = {name: snapshot for name, snapshot in found.items() if snapshot is not None}
        layouts = await self._state.layouts()
        borders = await self._models.rfm()
        rules = None if self._rules is None else partial(self._rules, *(await self._asked_of()))
        async with self._computing:
            return await asyncio.to_thread(
                _compute,
                self._layout,
                layouts,
                membership,
                row,
                snapshots=snapshots,
                borders=borders,
                populations=self._populations,
                rules=rules,
                language=language,
            )

    async def _asked_of(self) -> "tuple[DeclaredAudiences, Mapping[str, LoadedList], Lookalikes]":
        """Return audiences, lists and look-alikes: rules of declared segmentations may ask of them."""
        from streamseg.audiences.declared import DeclaredAudiences  # noqa: PLC0415 - as above
        from streamseg.clustering.likeness.models import Lookalikes  # noqa: PLC0415 - loads numpy
        from streamseg.service.lists import ListContents  # noqa: PLC0415 - loads numpy

        declared = DeclaredAudiences.decode(await self._models.declared())
        lists = await ListContents(self._models).of(declared)
        return declared, lists, Lookalikes.decode(await self._models.lookalikes())

    async def _row(self, customer_id: str) -> bytes | None:
        metadata = await self._state.metadata(0)
        if metadata is None or CLICKS not in metadata.topics:
            return None
        partition = self._partition_of(customer_id, metadata.topics[CLICKS][1])
        (row,) = await self._state.load(partition, [customer_id])
        return row


def _compute(
    layout: Callable[[], "Layout"],
    layouts: dict[str, bytes],
    membership: bytes,
    row: bytes,
    *,
    snapshots: Mapping[str, bytes],
    borders: bytes | None,
    populations: "Callable[[], Mapping[str, Population]]",
    rules: "Callable[[], LiveAudiences] | None",
    language: str,
) -> dict[str, Any]:
    from streamseg.features.relayout import with_readable  # noqa: PLC0415 - loads numpy
    from streamseg.service.explanation import explanation  # noqa: PLC0415 - loads numpy and scipy

    readable = with_readable(layout(), layouts)
    live = None if rules is None else rules()
    return explanation(
        readable, membership, row, snapshots, borders=borders, populations=populations(), live=live, language=language
    )
