"""The native file format: reads what it writes, byte for byte the same each time."""

import asyncio
from pathlib import Path

import pytest

from streamseg.sources.fitgear import FitGear
from streamseg.sources.reading.files import EventFile
from streamseg.sources.reading.native_format import FileSink
from streamseg.sources.sending import send_events


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
def test_a_written_file_reads_back_and_is_reproducible(tmp_path: Path, name: str) -> None:
    def write(folder: str) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir()

        async def fill() -> None:
            sink = FileSink(path)
            await send_events(shop, sink)
            await sink.close()

        asyncio.run(fill())
        return path

    shop = FitGear(20, 5, seed=1, ends_at=1_750_000_000.0)
    one, other = write("one"), write("other")
    assert one.read_bytes() == other.read_bytes()
    back = list(EventFile(one, None, lambda number, reason: pytest.fail(reason)))
    expected = [(event.kind, event.event_id, event.customer_id) for event in shop]
    assert [(event.kind, event.event_id, event.customer_id) for event in back] == expected
    assert [event.occurred_at for event in back] == pytest.approx([event.occurred_at for event in shop], abs=1e-3)


def test_invalid_lines_are_rejected_by_number(tmp_path: Path) -> None:
    good = '{"kind":"click","event_id":"1","customer_id":"c","occurred_at":"2020-01-01T00:00:00Z"}'
    bad = [good.replace("click", "clack"), "{}", "nonsense", good.replace("2020-01-01T00:00:00Z", "then")]
    (tmp_path / "native.jsonl").write_text("\n".join([good, "", *bad]))
    rejected: list[int] = []
    events = list(EventFile(tmp_path / "native.jsonl", None, lambda number, reason: rejected.append(number)))
    assert [event.event_id for event in events] == ["1"]
    assert rejected == [3, 4, 5, 6]
