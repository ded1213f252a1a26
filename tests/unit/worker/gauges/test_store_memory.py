"""The memory of the store is shown by server; without a limit there is no limit to show."""

import asyncio
from collections.abc import Mapping

import pytest

from streamseg.errors import StoreLoginError
from streamseg.metrics import Metrics
from streamseg.store.memory import MemoryStateStore
from streamseg.worker.gauges.store_memory import StoreMemory


class Told(MemoryStateStore):
    """Tells what it is given, in turn; an empty answer is a refusal."""

    def __init__(self, *told: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self._told = list(told)

    async def memory(self) -> Mapping[str, tuple[int, int]]:
        if not self._told:
            raise asyncio.CancelledError
        if told := self._told.pop(0):
            return told
        raise StoreLoginError("Redis refuses us: INFO")


def shown(metrics: Metrics) -> dict[str, float]:
    families = [each for each in metrics.registry.collect() if each.name.startswith("streamseg_store_memory")]
    return {f"{one.name} {one.labels['node']}": one.value for each in families for one in each.samples}


def test_memory_is_shown_by_server_and_a_server_that_left_is_not() -> None:
    metrics = Metrics()
    memory = StoreMemory(Told({"a:1": (70, 100), "b:1": (50, 0)}, {"b:1": (51, 90)}), metrics)
    asyncio.run(memory.show())
    assert shown(metrics) == {
        "streamseg_store_memory_bytes a:1": 70,
        "streamseg_store_memory_bytes b:1": 50,
        "streamseg_store_memory_limit_bytes a:1": 100,
    }
    asyncio.run(memory.show())
    assert shown(metrics) == {"streamseg_store_memory_bytes b:1": 51, "streamseg_store_memory_limit_bytes b:1": 90}


def test_it_goes_on_when_the_store_refuses_to_tell_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()

    async def quick(_: float) -> None:
        """Do not wait."""

    async def play() -> None:
        sleep, asyncio.sleep = asyncio.sleep, quick  # type: ignore[assignment]  # no test waits 15 s
        try:
            await StoreMemory(Told({}, {}, {"a:1": (70, 100)}), metrics).run()
        except asyncio.CancelledError:
            pass
        finally:
            asyncio.sleep = sleep

    asyncio.run(play())
    assert shown(metrics)["streamseg_store_memory_bytes a:1"] == 70
    (refused,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert refused == "the gauge of the store's memory waits for Redis: Redis refuses us: INFO"
