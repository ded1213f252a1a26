"""Takes over from the last owner: delivers its outbox, and finds the published memberships that a store has lost."""

import logging
from collections.abc import Mapping

from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.kafka.partitioner import misrouted
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.latest_changes import LatestChanges
from streamseg.membership.types import Consent, Membership
from streamseg.ports import FLUSH_ROWS, StateStore
from streamseg.worker.context import Ports, Rules
from streamseg.worker.partition.outbox_relay import OutboxRelay

log = logging.getLogger(__name__)


async def take_over(partition: int, start: int, relay: OutboxRelay, ports: Ports, rules: Rules) -> CatchUp:
    """Deliver the outbox; return the memberships published from offset `start` on that are newer than the rows.

    The change topic is read before and after: entries older than what it says are not delivered again, and what is
    delivered now is not taken for lost.

    Raises `StoreUnavailableError`, and what the sink and the change topic raise.
    """
    changes = LatestChanges()
    end = await ports.changes.follow(changes, partition, start)
    await relay.deliver_outbox({customer: one.order for customer, one in changes.latest.items()})
    await ports.changes.follow(changes, partition, end)
    relay.watch_from(start)
    # After the topics were grown, customers of other partitions still have old change records here.
    others = misrouted(list(changes.latest), partition, rules.partitions)
    ours = {
        customer: one.membership
        for customer, one in changes.latest.items()
        if one.membership is not None and customer not in others
    }
    return await _lost_changes(ours, partition, rules.layout, ports.state, rules.publishing.unknown_consent)


async def _lost_changes(
    published: Mapping[str, Membership], partition: int, layout: Layout, state: StateStore, unknown: Consent
) -> CatchUp:
    customers, newer = list(published), dict[str, Membership]()
    for start in range(0, len(customers), FLUSH_ROWS):
        piece = customers[start : start + FLUSH_ROWS]
        rows = Rows(layout, len(piece))
        seqs = rows.seq[rows.load(piece, await state.load(partition, piece))].tolist()
        newer |= {one: published[one] for one, seq in zip(piece, seqs, strict=True) if published[one].seq > seq}
    if newer:
        log.warning("partition %d: the store has lost %d published changes", partition, len(newer))
    return CatchUp(layout, newer, unknown)
