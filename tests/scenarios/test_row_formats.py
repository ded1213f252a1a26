"""Rows of an earlier format are read, converted and written in the new one; those of a newer one stop the worker."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamseg.errors import LayoutMismatchError
from streamseg.features.codec import HEADER_BYTES
from streamseg.features.fields import FORMAT
from streamseg.features.relayout import encoded_settings
from streamseg.ports import Flush
from streamseg.worker.layout_check import RowLayouts, check_layouts
from tests.support import rows_of_format_1 as format_1
from tests.support.partition import LAYOUT, NUMBER, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60
NEWER = replace(LAYOUT, format=LAYOUT.format + 1, currency="SEK")
"""Stands for the rows of a later release: its format is unknown here, and so is its fingerprint."""


async def worked_off(made: Servers, owner: str, rows: RowLayouts | None = None) -> list[Exception]:
    """Let a worker read all that there is; why it stopped, if it did."""
    worker = OnePartition(made, owner, rows=rows)
    await worker.begin()
    await until(lambda: worker.is_done or bool(worker.failures))
    await worker.close()
    return worker.failures


async def stored(made: Servers) -> Sequence[tuple[str, bytes]]:
    return (await made.state.scan(NUMBER, 0, 100))[1]


async def formats(made: Servers) -> set[int]:
    return {row[0] for _, row in await stored(made)}


async def served() -> Servers:
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, EVENTS)
    assert not await worked_off(made, "older")
    return made


async def rewritten(made: Servers, fingerprint: str, rows: Sequence[tuple[str, bytes]]) -> None:
    """Put rows of another layout in place of the stored ones, as a worker of another release leaves them."""
    claimed = await made.state.claim(NUMBER, "other release", fingerprint, 1, (LAYOUT.fingerprint,))
    await made.state.flush(NUMBER, Flush("other release", claimed.flush_number, rows=rows))
    await made.state.remember_layout(fingerprint, encoded_settings(LAYOUT))


def of_format_1(row: bytes) -> bytes:
    new = np.frombuffer(row, dtype=LAYOUT.dtype, offset=HEADER_BYTES)
    old = np.zeros(1, dtype=format_1.record_type(event_ids=16))
    sums = replace(LAYOUT, format=1).sum_index
    for name in old.dtype.names or ():
        if name == "sums":
            old[name][:, [sums[one] for one in LAYOUT.sum_index]] = new[name]
        else:
            old[name] = new[name]
    return format_1.stored(format_1.PARTITION, old)[0]


def test_a_worker_goes_on_with_the_rows_of_the_release_before() -> None:
    async def go() -> None:
        made = await served()
        await rewritten(made, format_1.PARTITION, [(one, of_format_1(row)) for one, row in await stored(made)])
        assert await formats(made) == {1}
        verdict = await made.verdict()
        assert verdict.good, "commands read them as they are"
        rows = await check_layouts(LAYOUT, made.state, made.models, NUMBER + 1)
        fill(made.log, EVENTS, EVENTS)
        assert not await worked_off(made, "newer", rows)
        verdict = await made.verdict()
        assert verdict.good, verdict.differences
        assert verdict.customers == 6
        assert await formats(made) == {FORMAT}
        metadata = await made.state.metadata(NUMBER)
        assert metadata is not None
        assert metadata.layout == LAYOUT.fingerprint

    asyncio.run(go())


def test_an_older_worker_stops_at_the_rows_of_a_newer_one_and_harms_nothing() -> None:
    async def go() -> None:
        made = await served()
        await rewritten(
            made, LAYOUT.fingerprint, [(one, bytes([FORMAT + 1]) + row[1:]) for one, row in await stored(made)]
        )
        before = await stored(made)
        fill(made.log, EVENTS, EVENTS)
        (failure,) = await worked_off(made, "older again")
        assert isinstance(failure, LayoutMismatchError)
        assert "start the newer version" in str(failure)
        assert await stored(made) == before

    asyncio.run(go())


def test_an_older_worker_is_refused_at_the_start_by_the_layout_of_a_newer_one() -> None:
    async def go() -> None:
        made = await served()
        await rewritten(made, NEWER.fingerprint, ())
        with pytest.raises(LayoutMismatchError, match="start the newer version"):
            await check_layouts(LAYOUT, made.state, made.models, NUMBER + 1)

    asyncio.run(go())
