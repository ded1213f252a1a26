"""Rows of customers in a state store, as a worker leaves them."""

from collections.abc import Mapping

from streamseg.features.layout import Layout
from streamseg.features.relayout import encoded_settings
from streamseg.ports import Flush, StateStore
from streamseg.topics import CLICKS

OWNER = "w"


async def store_rows(
    state: StateStore, layout: Layout, rows: Mapping[str, bytes], partition: int = 0, partitions: int = 1
) -> None:
    """Claim the partition, remember its layout and topics, and write the rows by customer."""
    claimed = await state.claim(partition, OWNER, layout.fingerprint, 1)
    await state.remember_layout(layout.fingerprint, encoded_settings(layout))
    await state.set_topics(partition, OWNER, {CLICKS: ("id", partitions)})
    await state.flush(partition, Flush(OWNER, claimed.flush_number, rows=list(rows.items())))
