"""A sample that a former owner sent after the deletion is left out and deleted again."""

import msgspec
import pytest

from streamseg.events.record import MemoryRecord
from streamseg.pipeline import SampleValue, end_key, sample_key
from streamseg.topics import SAMPLES
from streamseg.worker.trainer import late_samples
from streamseg.worker.trainer.late_samples import LateSamples


def sampled(offset: int, epoch: int, customer: str = "c-1") -> MemoryRecord:
    value = SampleValue(
        segmentation="behaviour", customer_id=customer, at=0.0, epoch=epoch, events=1, spend_minor=0, x=(1.0,)
    )
    return MemoryRecord(SAMPLES, 0, offset, 0, sample_key("behaviour", customer), msgspec.json.encode(value))


def deleted(offset: int, epoch: int, customer: str = "c-1") -> MemoryRecord:
    return MemoryRecord(SAMPLES, 0, offset, 0, sample_key("behaviour", customer), None, (("epoch", b"%d" % epoch),))


def test_a_sample_of_an_older_epoch_than_the_deletion_is_deleted_again() -> None:
    kept, tombstones = LateSamples().sort_out([sampled(0, 7), deleted(1, 8), sampled(2, 7)])
    assert [record.offset for record, _ in kept] == [0, 1]
    assert [(one.key, one.value, one.headers, one.partition) for one in tombstones] == [
        (b"behaviour|c-1", None, (("epoch", b"8"),), 0)
    ]


def test_a_customer_who_returns_is_sampled_again() -> None:
    late = LateSamples()
    kept, tombstones = late.sort_out([deleted(0, 8), sampled(1, 8), sampled(2, 9)])
    assert len(kept) == 3
    assert tombstones == []
    kept, tombstones = late.sort_out([sampled(3, 7), sampled(4, 9)])
    assert [record.offset for record, _ in kept] == [4]
    assert tombstones == []  # the last record of the key is a good one


def test_a_deletion_that_is_delivered_again_does_not_weaken_a_later_one() -> None:
    kept, tombstones = LateSamples().sort_out([deleted(0, 9), deleted(1, 7), sampled(2, 8)])
    assert len(kept) == 2
    assert len(tombstones) == 1


def test_samples_and_deletions_of_earlier_releases_have_no_epoch_and_stand() -> None:
    bare = MemoryRecord(SAMPLES, 0, 0, 0, sample_key("behaviour", "c-2"), None)
    kept, tombstones = LateSamples().sort_out([bare, sampled(1, 5, "c-2"), deleted(2, 9), sampled(3, 0)])
    assert len(kept) == 4
    assert tombstones == []


def test_only_the_latest_deletions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_samples, "DELETIONS_REMEMBERED", 2)
    late = LateSamples()
    late.sort_out([deleted(n, 9, f"c-{n}") for n in range(3)])
    kept, _ = late.sort_out([sampled(3, 8, "c-0"), sampled(4, 8, "c-1"), sampled(5, 8, "c-2")])
    assert [record.offset for record, _ in kept] == [3]


def test_a_stray_record_is_left_out() -> None:
    stray = MemoryRecord(SAMPLES, 0, 0, 0, b"?", b"no sample")
    odd = MemoryRecord(SAMPLES, 0, 1, 0, b"behaviour|c-1", None, (("epoch", b"soon"),))
    kept, tombstones = LateSamples().sort_out([stray, odd, sampled(2, 7)])
    assert [record.offset for record, _ in kept] == [2]
    assert tombstones == []


def test_the_end_of_a_backfill_is_no_stray_record(caplog: pytest.LogCaptureFixture) -> None:
    end = MemoryRecord(SAMPLES, 0, 0, 0, end_key(3), b"{}")
    kept, tombstones = LateSamples().sort_out([end, sampled(1, 7)])
    assert [record.offset for record, _ in kept] == [0, 1]
    assert tombstones == []
    assert not caplog.records
