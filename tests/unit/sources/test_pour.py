"""Pouring: order, keys, headers, heartbeats, pace, and the file that stands in for topics."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamseg.ports import OutgoingRecord
from streamseg.sources.event import SourceEvent
from streamseg.sources.files import EventFile, FileSink
from streamseg.sources.fitgear import FitGear
from streamseg.sources.pour import BEAT_SECONDS, RUN, parse_speed, pour


class MemorySink:
    def __init__(self) -> None:
        self.sent: list[OutgoingRecord] = []
        self.at: list[float] = []

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.sent += records
        self.at += [time.monotonic()] * len(records)


def click(n: int, at: float) -> SourceEvent:
    return SourceEvent("click", f"e-{n}", f"c-{n % 3}", at, b'{"n":%d}' % n)


def test_all_events_go_out_in_order_with_key_and_headers() -> None:
    sink = MemorySink()
    events = [click(n, 1_000.0 + n) for n in range(RUN + 5)]
    poured = asyncio.run(pour(events, sink))
    assert (poured.events, poured.first, poured.latest) == (RUN + 5, 1_000.0, 1_000.0 + RUN + 4)
    assert [record.value for record in sink.sent] == [event.value for event in events]
    assert {record.topic for record in sink.sent} == {"streamseg.clicks"}
    assert sink.sent[4].key == b"c-1"
    headers = dict(sink.sent[4].headers)
    assert (headers["ce_id"], headers["ce_type"]) == (b"e-4", b"streamseg.click.v1")


def test_heartbeats_carry_the_time_to_every_partition_through_silence_and_at_the_end() -> None:
    sink = MemorySink()
    events = [click(n, 1_000.0) for n in range(RUN)] + [click(n, 1_000.0 + BEAT_SECONDS) for n in range(RUN)]
    asyncio.run(pour([*events, click(0, 1_001.0 + BEAT_SECONDS)], sink, partitions=3))
    beats = [record for record in sink.sent if record.key is None]
    assert [record.partition for record in beats] == [0, 1, 2] * 3
    times = [json.loads(record.value or b"")["occurred_at"] for record in beats]
    assert times[::3] == ["1970-01-01T00:16:40Z", "1970-01-01T06:16:40Z", "1970-01-01T06:16:41Z"]
    assert all(dict(record.headers)["ce_type"] == b"streamseg.heartbeat.v1" for record in beats)


def test_a_pace_is_kept() -> None:
    sink = MemorySink()
    asyncio.run(pour([click(n, 100.0 * n) for n in range(4)], sink, speed=500.0))
    gaps = [sink.at[n] - sink.at[0] for n in range(4)]
    assert gaps[3] >= 0.45, "300 seconds at 500 seconds a second take 0.6, less the 0.1 by which it may be early"
    assert gaps == sorted(gaps)


def test_speeds() -> None:
    assert (parse_speed("max"), parse_speed("100x"), parse_speed("0.5")) == (None, 100.0, 0.5)
    for wrong in ("fast", "0x", "-3x", "nan", "inf"):
        with pytest.raises(ValueError, match=wrong[:-1]):
            parse_speed(wrong)


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
def test_a_file_of_events_comes_back_and_has_the_same_bytes_again(tmp_path: Path, name: str) -> None:
    def write(folder: str) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir()

        async def fill() -> None:
            sink = FileSink(path)
            await pour(shop, sink)
            await sink.close()

        asyncio.run(fill())
        return path

    shop = FitGear(20, 5, seed=1, ends_at=1_750_000_000.0)
    one, other = write("one"), write("other")
    assert one.read_bytes() == other.read_bytes()
    back = list(EventFile(one, None, lambda number, reason: pytest.fail(reason)))
    told = [(event.kind, event.event_id, event.customer_id) for event in shop]
    assert [(event.kind, event.event_id, event.customer_id) for event in back] == told
    assert [event.occurred_at for event in back] == pytest.approx([event.occurred_at for event in shop], abs=1e-3)


def test_lines_in_other_words_are_rejected(tmp_path: Path) -> None:
    good = '{"kind":"click","event_id":"1","customer_id":"c","occurred_at":"2020-01-01T00:00:00Z"}'
    bad = [good.replace("click", "clack"), "{}", "nonsense", good.replace("2020-01-01T00:00:00Z", "then")]
    (tmp_path / "own.jsonl").write_text("\n".join([good, "", *bad]))
    rejected: list[int] = []
    events = list(EventFile(tmp_path / "own.jsonl", None, lambda number, reason: rejected.append(number)))
    assert [event.event_id for event in events] == ["1"]
    assert rejected == [3, 4, 5, 6]
