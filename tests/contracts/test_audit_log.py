"""The contract of `AuditLog`, on every implementation."""

from dataclasses import replace

import pytest

from streamseg.ports import AuditEntry
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

ENTRY = AuditEntry(1_795_000_000.5, "ann", "key-1", "editor", "rename", "behaviour-aaaa", None, "Owls")


async def test_entries_are_kept_in_their_order_and_the_last_are_returned(stores: Stores) -> None:
    assert list(await stores.audit.latest(5)) == []
    entries = [replace(ENTRY, subject=f"behaviour-{number}", before={"a": number}) for number in range(4)]
    for entry in entries:
        await stores.audit.append(entry)
    assert list(await stores.audit.latest(10)) == entries
    assert list(await stores.audit.latest(2)) == entries[2:]
