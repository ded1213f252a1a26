"""The contract of `MembershipStore`, on every implementation."""

import pytest

from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry
from streamseg.ports import MembershipStore
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


@pytest.fixture
def memberships(stores: Stores) -> MembershipStore:
    return stores.memberships


def string(customer_id: str, epoch: int, seq: int) -> bytes:
    return encode(Membership(customer_id, epoch, seq, 1_795_415_998, {}, {"behaviour": None}, Consent(False, True)))


def written(customer_id: str, epoch: int, seq: int) -> OutboxEntry:
    return OutboxEntry(customer_id, epoch, seq, string(customer_id, epoch, seq))


def deleted(customer_id: str, epoch: int, seq: int) -> OutboxEntry:
    return OutboxEntry(customer_id, epoch, seq, None)


async def test_strings_are_read_in_the_order_asked(memberships: MembershipStore) -> None:
    await memberships.write([written("c-1", 7, 1), written("c-2", 7, 1)])
    expected = [string("c-2", 7, 1), None, string("c-1", 7, 1), string("c-2", 7, 1)]
    assert await memberships.read(["c-2", "c-3", "c-1", "c-2"]) == expected
    assert await memberships.read([]) == []
    await memberships.write([])


@pytest.mark.parametrize("customer_id", ["c-é€", 'q"uote', "back\\slash\\", '","epoch":9,"seq":9,', "x" * 256, "a:b"])
async def test_any_customer_id_can_be_compared(memberships: MembershipStore, customer_id: str) -> None:
    await memberships.write([written(customer_id, 7, 2)])
    await memberships.write([written(customer_id, 7, 1)])
    assert await memberships.read([customer_id]) == [string(customer_id, 7, 2)]
    await memberships.write([written(customer_id, 7, 3)])
    assert await memberships.read([customer_id]) == [string(customer_id, 7, 3)]


async def test_only_newer_writes_are_stored(memberships: MembershipStore) -> None:
    epoch = 1_795_415_000_123
    await memberships.write([written("c-1", epoch, 9)])
    for older in (written("c-1", epoch, 8), written("c-1", epoch - 1, 100), deleted("c-1", epoch, 9)):
        await memberships.write([older])
        assert await memberships.read(["c-1"]) == [string("c-1", epoch, 9)]
    for newer in (written("c-1", epoch, 10), written("c-1", epoch + 1, 1)):
        await memberships.write([newer])
        assert await memberships.read(["c-1"]) == [newer.membership]


async def test_entries_of_one_call_are_applied_in_order(memberships: MembershipStore) -> None:
    await memberships.write([written("c-1", 7, 1), written("c-1", 7, 3), written("c-1", 7, 2), deleted("c-2", 7, 1)])
    assert await memberships.read(["c-1", "c-2"]) == [string("c-1", 7, 3), None]


async def test_an_older_write_does_not_restore_a_deleted_customer(memberships: MembershipStore) -> None:
    await memberships.write([written("c-1", 7, 4)])
    await memberships.write([deleted("c-1", 7, 5)])
    assert await memberships.read(["c-1"]) == [None]
    await memberships.write([written("c-1", 7, 4), written("c-1", 6, 99), written("c-1", 7, 5)])
    assert await memberships.read(["c-1"]) == [None]
    await memberships.write([written("c-1", 7, 6)])
    assert await memberships.read(["c-1"]) == [string("c-1", 7, 6)]
    await memberships.write([deleted("c-1", 7, 5), written("c-1", 7, 4)])
    assert await memberships.read(["c-1"]) == [string("c-1", 7, 6)]


async def test_a_deletion_without_a_string_blocks_older_writes(memberships: MembershipStore) -> None:
    await memberships.write([deleted("c-1", 7, 5)])
    await memberships.write([written("c-1", 7, 4)])
    assert await memberships.read(["c-1"]) == [None]


async def test_thousands_in_one_call(memberships: MembershipStore) -> None:
    entries = [written(f"c-{n}", 7, 1) for n in range(2_500)]
    await memberships.write(entries)
    assert await memberships.read([f"c-{n}" for n in range(2_501)]) == [*(one.membership for one in entries), None]


async def test_the_store_tells_of_whom_it_holds_a_newer_epoch(memberships: MembershipStore) -> None:
    await memberships.write([written("c-1", 7, 5), deleted("c-2", 7, 5)])
    older = [written("c-1", 6, 9), written("c-2", 6, 9), written("c-3", 6, 9), deleted("c-1", 6, 10)]
    assert await memberships.write(older) == {("c-1", 6), ("c-2", 6)}
    assert await memberships.write([written("c-1", 6, 9), written("c-1", 7, 6)]) == {("c-1", 6)}
    assert await memberships.write([written("c-1", 7, 5), written("c-1", 7, 4)]) == set()  # delivered again


async def test_deletions_are_told_with_their_order(memberships: MembershipStore) -> None:
    await memberships.write([written("c-1", 7, 5), deleted("c-2", 7, 5), deleted("c-3", 7, 5)])
    await memberships.write([written("c-3", 7, 6)])
    assert await memberships.deletions(["c-3", "c-1", "c-2"]) == [(7, 5), None, (7, 5)]
    assert await memberships.deletions([]) == []


async def test_the_newest_probe_of_each_partition_is_kept(memberships: MembershipStore) -> None:
    assert await memberships.probes() == {}
    await memberships.note_probe(0, 1_795_415_998.123)
    await memberships.note_probe(11, 1_795_415_998.0)
    await memberships.note_probe(70, 1_795_415_999.0)
    await memberships.note_probe(0, 1_795_416_003.125)
    assert await memberships.probes() == {
        0: 1_795_416_003.125,
        11: 1_795_415_998.0,
        70: 1_795_415_999.0,
    }
