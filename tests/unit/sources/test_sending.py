"""Sending events: order, keys, headers, heartbeats and pace."""

import asyncio
import json
import time
from collections.abc import Sequence

import pytest

from streamseg.ports import OutgoingRecord
from streamseg.sources.event import SourceEvent
from streamseg.sources.sending import BATCH_EVENTS, HEARTBEAT_SECONDS, parse_speed, send_events


class MemorySink:
    def __init__(self) -> None:
        self.sent: list[OutgoingRecord] = []
        self.at: list[float] = []

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.sent += records
        self.at += [time.monotonic()] * len(records)


def click(n: int, at: float) -> SourceEvent:
    return SourceEvent("click", f"e-{n}", f"c-{n % 3}", at, b'{"n":%d}' % n)


def test_all_events_are_sent_in_order_with_key_and_headers() -> None:
    sink = MemorySink()
    events = [click(n, 1_000.0 + n) for n in range(BATCH_EVENTS + 5)]
    progress = asyncio.run(send_events(events, sink))
    assert (progress.events, progress.first, progress.latest) == (BATCH_EVENTS + 5, 1_000.0, 1_000.0 + BATCH_EVENTS + 4)
    assert [record.value for record in sink.sent] == [event.value for event in events]
    assert {record.topic for record in sink.sent} == {"streamseg.clicks"}
    assert sink.sent[4].key == b"c-1"
    headers = dict(sink.sent[4].headers)
    assert (headers["ce_id"], headers["ce_type"]) == (b"e-4", b"streamseg.click.v1")


def test_every_partition_gets_heartbeats_during_silence_and_at_the_end() -> None:
    sink = MemorySink()
    events = [click(n, 1_000.0) for n in range(BATCH_EVENTS)]
    events += [click(n, 1_000.0 + HEARTBEAT_SECONDS) for n in range(BATCH_EVENTS)]
    asyncio.run(send_events([*events, click(0, 1_001.0 + HEARTBEAT_SECONDS)], sink, partitions=3))
    beats = [record for record in sink.sent if record.key is None]
    assert [record.partition for record in beats] == [0, 1, 2] * 3
    values = [json.loads(record.value or b"") for record in beats]
    times = [value["occurred_at"] for value in values]
    assert [value.get("ends_history", False) for value in values] == [False] * 6 + [True] * 3
    assert times[::3] == ["1970-01-01T00:16:40Z", "1970-01-01T06:16:40Z", "1970-01-01T06:16:41Z"]
    assert all(dict(record.headers)["ce_type"] == b"streamseg.heartbeat.v1" for record in beats)


def test_a_clock_that_events_do_not_move_is_told_the_end_only() -> None:
    sink = MemorySink()
    events = [click(n, 1_000.0 + n * HEARTBEAT_SECONDS) for n in range(5)]
    asyncio.run(send_events(events, sink, partitions=2, moves_clocks=False))
    beats = [json.loads(record.value or b"") for record in sink.sent if record.key is None]
    assert [one["ends_history"] for one in beats] == [True, True]


def test_paced_events_are_not_sent_early() -> None:
    sink = MemorySink()
    asyncio.run(send_events([click(n, 100.0 * n) for n in range(4)], sink, speed=500.0))
    gaps = [sink.at[n] - sink.at[0] for n in range(4)]
    assert gaps[3] >= 0.45, "300 s of event time at speed 500 take 0.6 s, minus at most 0.1 s"
    assert gaps == sorted(gaps)


def test_a_speed_is_max_or_a_positive_factor() -> None:
    assert (parse_speed("max"), parse_speed("100x"), parse_speed("0.5")) == (None, 100.0, 0.5)
    for wrong in ("fast", "0x", "-3x", "nan", "inf"):
        with pytest.raises(ValueError, match=wrong[:-1]):
            parse_speed(wrong)
