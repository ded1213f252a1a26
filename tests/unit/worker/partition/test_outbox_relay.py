"""What queues up for delivery is delivered as one: nothing of either part may be missing then."""

from streamseg.membership.types import Consent, OutboxEntry
from streamseg.ports import OutgoingRecord
from streamseg.topics import CLICKS, PURCHASES, SAMPLES
from streamseg.worker.partition.pending_delivery import PendingDelivery

ENTRIES = [OutboxEntry(f"c-{n}", 7, n, b"{}") for n in range(4)]
SAMPLED = [OutgoingRecord(SAMPLES, b"k-%d" % n, b"{}", partition=0) for n in range(2)]


def test_two_parcels_in_one_keep_everything_in_order() -> None:
    first = PendingDelivery(ENTRIES[:2], "5-0", SAMPLED[:1], {CLICKS: 10, PURCHASES: 3}, (1.0,))
    both = first.with_next(PendingDelivery(ENTRIES[2:], "6-0", SAMPLED[1:], {CLICKS: 12}, (2.0,)))
    assert [*both.entries] == ENTRIES
    assert [*both.extra] == SAMPLED
    assert both.position == "6-0"
    assert both.checkpoint == {CLICKS: 12, PURCHASES: 3}
    assert both.appended_at == (1.0, 2.0)
    assert not both.in_doubt


def test_a_sample_of_before_an_erasure_is_not_sent_after_its_tombstone() -> None:
    samples = [OutgoingRecord(SAMPLES, b"behaviour|c-%d" % n, b"{}", partition=0) for n in range(3)]
    erasure = OutboxEntry("c-1", 7, 9, None)
    before = PendingDelivery((), None, samples, {}, ())
    both = before.with_next(PendingDelivery((erasure,), "6-0", samples[1:2], {}, ()))
    assert [*both.extra] == [samples[0], samples[2], samples[1]]


def test_a_sample_that_a_later_entry_deletes_is_left_out() -> None:
    first, second = (OutgoingRecord(SAMPLES, f"behaviour|c-{n}".encode(), b"{}", partition=0) for n in (1, 2))
    told = Consent(ads=True, personalisation=True)
    refused = b'{"consent":{"ads":true,"personalisation":true,"analytics":false}}'
    for later in (OutboxEntry("c-1", 7, 9, None), OutboxEntry("c-1", 7, 9, refused, (), told)):
        gone = PendingDelivery([later], "6-0", (second,), {}, ())
        assert [*PendingDelivery((), "5-0", (first, second), {}, ()).with_next(gone).extra] == [second, second]
    rewritten = PendingDelivery([OutboxEntry("c-1", 7, 9, refused)], "6-0", (), {}, ())
    assert [*PendingDelivery((), "5-0", (first,), {}, ()).with_next(rewritten).extra] == [first]


def test_a_part_without_decisions_leaves_the_position_and_one_in_doubt_puts_both_in_doubt() -> None:
    decided, empty = PendingDelivery(ENTRIES, "5-0", (), {}, ()), PendingDelivery((), None, (), {CLICKS: 1}, ())
    assert decided.with_next(empty).position == "5-0"
    doubted = PendingDelivery((), None, (), {}, (), in_doubt=True)
    assert decided.with_next(doubted).in_doubt
    assert doubted.with_next(decided).in_doubt


def test_what_waits_for_a_node_takes_its_samples_and_the_checkpoint_with_it() -> None:
    samples = [OutgoingRecord(SAMPLES, b"behaviour|c-%d" % n, b"{}", partition=0) for n in range(3)]
    whole = PendingDelivery(ENTRIES, "5-0", samples, {CLICKS: 10}, (1.0,), read_until={CLICKS: 2.0}, probe=3.0)
    now, later = whole.split({"c-1"})
    assert ([*now.entries], [*later.entries]) == ([ENTRIES[0], *ENTRIES[2:]], [ENTRIES[1]])
    assert ([*now.extra], [*later.extra]) == ([samples[0], samples[2]], [samples[1]])
    assert (now.position, now.checkpoint, now.read_until, now.appended_at, now.probe) == (None, {}, {}, (), 3.0)
    assert (later.position, later.checkpoint, later.appended_at) == ("5-0", {CLICKS: 10}, (1.0,))
    assert whole.split({"nobody"})[0].appended_at == (1.0,)
