"""Finds the published memberships that a store has lost."""

import logging
from collections.abc import Mapping

from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.types import Consent, Membership
from streamseg.ports import StateStore

log = logging.getLogger(__name__)


async def lost_changes(
    published: Mapping[str, Membership], partition: int, layout: Layout, state: StateStore, unknown: Consent
) -> CatchUp:
    """Keep the published memberships that are newer than the stored rows. Raises `StoreUnavailableError`."""
    customers = list(published)
    rows = Rows(layout, max(len(customers), 1))
    seqs = rows.seq[rows.load(customers, await state.load(partition, customers))].tolist()
    newer = {one: published[one] for one, seq in zip(customers, seqs, strict=True) if published[one].seq > seq}
    if newer:
        log.warning("partition %d: the store has lost %d published changes", partition, len(newer))
    return CatchUp(layout, newer, unknown)
