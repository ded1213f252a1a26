"""When a topic is mostly rejected, it is the deployment and not the events."""

import asyncio

import pytest

from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import CUT_HEADER, Reason, RejectedEvent
from streamseg.metrics import Metrics
from streamseg.repair.redrive import redrive, unsent_letters
from streamseg.topics import CLICKS, DEAD_LETTERS, LARGEST_INPUT_BYTES, TOPICS
from streamseg.worker.partition.dead_letters import MostlyRejectedError, RejectedShare, dead_letters
from tests.support.partition import MemoryLog


def test_a_few_bad_records_are_borne_for_ever() -> None:
    share = RejectedShare("streamseg.clicks", 0.5, 1_000)
    for _ in range(100):
        share.add(100, 50)


def test_more_than_the_share_over_a_full_window_stops() -> None:
    share = RejectedShare("streamseg.clicks", 0.5, 1_000)
    share.add(900, 900)

    with pytest.raises(MostlyRejectedError, match=r"1000 of the latest 1000 records of streamseg\.clicks"):
        share.add(100, 100)


def test_what_lies_before_the_window_does_not_count() -> None:
    share = RejectedShare("streamseg.clicks", 0.5, 1_000)
    share.add(999, 999)
    for _ in range(3):
        share.add(1_000, 0)
    share.add(400, 400)


def test_a_record_that_the_topic_would_not_take_is_cut_and_never_sent_in_again() -> None:
    huge = MemoryRecord(CLICKS, 3, 9, 0, b"k" * 2_000_000, b"v" * 10_000_000, (("mine", b"h" * 100_000),))
    rejected = RejectedEvent(huge, "decode", Reason.TOO_LARGE, "value: has 10000000 bytes")
    (letter,) = dead_letters([rejected], CLICKS, 3, Metrics())
    size = len(letter.key or b"") + len(letter.value or b"") + sum(len(n) + len(v or b"") for n, v in letter.headers)
    assert size < LARGEST_INPUT_BYTES / 10
    headers = dict(letter.headers)
    assert headers[CUT_HEADER] == b"12100004"
    assert headers["__streamseg.errors.reason"] == b"too_large"
    assert "mine" not in headers

    async def redriven() -> tuple[int, int]:
        log = MemoryLog()
        log.append(DEAD_LETTERS, letter.key, letter.value, letter.headers)
        found = [one async for one in unsent_letters(log, 1)]
        assert found[0].cut
        return len(found), await redrive(unsent_letters(log, 1), log)

    assert asyncio.run(redriven()) == (1, 0)


def test_the_largest_record_that_kafka_takes_fits_whole() -> None:
    whole = MemoryRecord(CLICKS, 3, 9, 0, b"k" * 1_000, b"v" * (LARGEST_INPUT_BYTES - 1_000))
    (letter,) = dead_letters([RejectedEvent(whole, "decode", Reason.NOT_JSON, "d" * 1_000)], CLICKS, 3, Metrics())
    spec = next(spec for spec in TOPICS if spec.name == DEAD_LETTERS)
    assert (letter.key, letter.value) == (whole.key, whole.value)
    assert (
        sum(len(name) + len(value or b"") for name, value in letter.headers)
        < spec.max_message_bytes - LARGEST_INPUT_BYTES
    )
