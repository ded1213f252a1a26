"""The latest change counts by (epoch, seq); a last record that is older is told apart."""

from streamseg.events.record import MemoryRecord
from streamseg.membership.encoding import change_record, encode, tombstone_headers
from streamseg.membership.latest_changes import LatestChanges
from streamseg.membership.types import Consent, Membership, OutboxEntry
from streamseg.topics import MEMBERSHIPS


def record(epoch: int, seq: int, *, gone: bool = False, bare: bool = False) -> MemoryRecord:
    membership = Membership("c-1", epoch, seq, 0, {}, {}, Consent(ads=False, personalisation=True))
    entry = OutboxEntry("c-1", epoch, seq, None if gone else encode(membership))
    headers = tombstone_headers(entry) if gone and not bare else ()
    return MemoryRecord(MEMBERSHIPS, 0, 0, 0, b"c-1", change_record(entry), headers)


def after(*records: MemoryRecord) -> tuple[tuple[int, int], bool, bool]:
    """Order of the latest change, whether it is a tombstone, and whether the last record is older."""
    changes = LatestChanges()
    for one in records:
        changes.read(one)
    latest = changes.latest["c-1"]
    return latest.order, latest.membership is None, "c-1" in changes.late


def test_an_older_record_after_a_tombstone_is_late_and_changes_nothing() -> None:
    assert after(record(7, 1), record(8, 2, gone=True), record(7, 1)) == ((8, 2), True, True)


def test_a_tombstone_that_is_delivered_again_before_the_return_is_not_late() -> None:
    told = (record(7, 1), record(7, 2, gone=True), record(7, 3))
    assert after(*told, *told) == ((7, 3), False, False)
    assert after(*told, *told[:2]) == ((7, 3), False, True)


def test_a_tombstone_without_an_order_counts_at_once() -> None:
    assert after(record(7, 5), record(0, 0, gone=True, bare=True)) == ((7, 5), True, False)
    assert after(record(7, 5), record(0, 0, gone=True, bare=True), record(7, 5)) == ((7, 5), False, False)


def test_a_stray_record_is_left_out() -> None:
    stray = MemoryRecord(MEMBERSHIPS, 0, 0, 0, b"c-1", b"no change")
    odd = MemoryRecord(MEMBERSHIPS, 0, 0, 0, b"c-1", None, (("epoch", b"soon"), ("seq", b"1")))
    assert after(record(7, 1), stray, odd) == ((7, 1), False, False)
