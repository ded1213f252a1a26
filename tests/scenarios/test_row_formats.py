"""Rows of an older format are read, upgraded and written in the new one; those of a newer one stop the worker."""

import asyncio

import pytest

from streamseg.errors import LayoutMismatchError
from streamseg.features import codec
from tests.support.partition import NUMBER, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60


async def worked_off(made: Servers, owner: str) -> list[Exception]:
    """Let a worker read all that there is; why it stopped, if it did."""
    worker = OnePartition(made, owner)
    await worker.begin()
    await until(lambda: worker.is_done or bool(worker.failures))
    await worker.close()
    return worker.failures


async def formats(made: Servers) -> set[int]:
    return {row[0] for _, row in (await made.state.scan(NUMBER, 0, 100))[1]}


async def served() -> Servers:
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, EVENTS)
    assert not await worked_off(made, "older")
    return made


def test_a_newer_worker_goes_on_with_the_rows_of_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        made = await served()
        upgraded: list[bytes] = []

        def upgrade(_: object, row: bytes) -> bytes:
            upgraded.append(row)
            return b"\x02" + row[1:]

        assert await formats(made) == {1}
        monkeypatch.setattr(codec, "FORMAT", 2)
        monkeypatch.setitem(codec.UPGRADES, 1, upgrade)
        fill(made.log, EVENTS, EVENTS)
        assert not await worked_off(made, "newer")
        verdict = await made.verdict()
        assert verdict.good, verdict.differences
        assert verdict.customers == 6
        assert upgraded
        assert await formats(made) == {2}

    asyncio.run(go())


def test_an_older_worker_stops_at_the_rows_of_a_newer_one_and_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        with monkeypatch.context() as newer:
            newer.setattr(codec, "FORMAT", 2)
            made = await served()
        before = await made.state.scan(NUMBER, 0, 100)
        fill(made.log, EVENTS, EVENTS)
        (failure,) = await worked_off(made, "older again")
        assert isinstance(failure, LayoutMismatchError)
        assert "start the newer version" in str(failure)
        assert await made.state.scan(NUMBER, 0, 100) == before

    asyncio.run(go())
