"""The records that tell of delivered changes: what subscribers, the history and the trainer get to know."""

import time
from collections.abc import Callable, Collection, Sequence

from streamseg import pipeline
from streamseg.events.cloudevents import MEMBERSHIP_TYPE, Headers, headers_at
from streamseg.membership.encoding import change_record, ends_learning, history_record, tombstone_headers
from streamseg.membership.types import OutboxEntry
from streamseg.ports import OutgoingRecord
from streamseg.topics import HISTORY, MEMBERSHIPS, SAMPLES, SAMPLES_PARTITION


def change_records(
    changed: Sequence[OutboxEntry], entries: Sequence[OutboxEntry], segmentations: Collection[str]
) -> list[OutgoingRecord]:
    """Return a change and a history record of each in `changed`, and tombstones for the samples of deletions.

    Args:
        changed: those of `entries` that subscribers are told of.
        entries: what was delivered.
        segmentations: names of those that customers may be sampled for.
    """
    headers_of = headers_at(MEMBERSHIP_TYPE, time.time())
    return [
        *(_change(entry, headers_of) for entry in changed),
        *(OutgoingRecord(HISTORY, entry.customer_id.encode(), history_record(entry)) for entry in changed),
        *_deleted_samples(entries, segmentations),
    ]


def _change(entry: OutboxEntry, headers_of: Callable[[str], Headers]) -> OutgoingRecord:
    """Return the change as a CloudEvent, or as a tombstone, which is none."""
    if entry.membership is None:
        headers = tombstone_headers(entry)
    else:
        headers = headers_of(f"{entry.customer_id}/{entry.epoch}-{entry.seq}")
    return OutgoingRecord(MEMBERSHIPS, entry.customer_id.encode(), change_record(entry), headers)


def _deleted_samples(entries: Sequence[OutboxEntry], segmentations: Collection[str]) -> list[OutgoingRecord]:
    """Return tombstones for all samples of customers who were erased, expired, or withdrew consent to analytics.

    They follow from the outbox, so a worker that is killed after the flush has not forgotten them.
    """
    return [
        OutgoingRecord(
            SAMPLES,
            pipeline.sample_key(name, entry.customer_id),
            None,
            ((pipeline.SAMPLE_EPOCH_HEADER, b"%d" % entry.epoch),),
            partition=SAMPLES_PARTITION,
        )
        for entry in entries
        if ends_learning(entry)
        for name in segmentations
    ]
