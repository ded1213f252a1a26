"""Every call to a store is measured, whatever becomes of it, and answers as before."""

import pytest

from streamseg.errors import StoreUnavailableError
from streamseg.metrics import Metrics
from streamseg.store.memory import MemoryMembershipStore, MemoryStateStore
from streamseg.wiring.metered import metered

pytestmark = pytest.mark.asyncio


def calls(metrics: Metrics, operation: str) -> float | None:
    return metrics.registry.get_sample_value("streamseg_store_call_seconds_count", {"operation": operation})


async def test_calls_are_counted_by_store_and_method() -> None:
    metrics = Metrics()
    state = metered(MemoryStateStore(), "state", metrics)
    memberships = metered(MemoryMembershipStore(ttl_seconds=60), "memberships", metrics)
    await state.claim(0, "w-1", "layout", 1, follows=("older",))
    for _ in range(3):
        assert (await state.metadata(0)) is not None
    assert await memberships.read(["c-1"]) == [None]
    assert (calls(metrics, "state_claim"), calls(metrics, "state_metadata")) == (1.0, 3.0)
    assert calls(metrics, "memberships_read") == 1.0


async def test_what_does_not_wait_for_a_server_is_not_measured() -> None:
    metrics = Metrics()
    state = metered(MemoryStateStore(), "state", metrics)
    assert not state.passed(0, "c-1")
    assert calls(metrics, "state_passed") is None


async def test_a_failed_call_is_measured_and_fails() -> None:
    class Away(MemoryMembershipStore):
        async def read(self, customer_ids: object) -> list[bytes | None]:
            raise StoreUnavailableError("Redis: away")

    metrics = Metrics()
    with pytest.raises(StoreUnavailableError):
        await metered(Away(ttl_seconds=60), "memberships", metrics).read(["c-1"])
    assert calls(metrics, "memberships_read") == 1.0
