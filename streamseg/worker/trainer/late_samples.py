"""Finds samples that a former owner of a partition sent after the customer had been deleted.

A worker can freeze with a sample under way, and send it when it thaws: after the tombstone that the partition's new
owner sent. Compaction keeps the last record of a key, so the vector would stay on the topic for good.
"""

import logging
from collections.abc import Sequence

import msgspec

from streamseg import pipeline
from streamseg.events.record import Record
from streamseg.ports import OutgoingRecord
from streamseg.topics import SAMPLES, SAMPLES_PARTITION

log = logging.getLogger(__name__)

DELETIONS_REMEMBERED = 100_000
"""Deletions of which a late sample is known when it comes: the latest ones."""

_DECODE = msgspec.json.Decoder(pipeline.SampleValue).decode


class LateSamples:
    """Remembers the deletions on the samples topic, and compares samples with them by the epoch of their lease."""

    def __init__(self) -> None:
        self._epochs: dict[bytes, int] = {}
        """Epoch of the deletion by key; the latest deletion is the last."""

    def sort_out(
        self, records: Sequence[Record]
    ) -> tuple[list[tuple[Record, pipeline.SampleValue | None]], list[OutgoingRecord]]:
        """Return the records with their samples, and tombstones for late ones that no other record follows.

        Late samples are left out, and so are records that are none: a stray record must not stop the trainer. The ends
        of backfills are returned like tombstones.
        """
        kept, tombstones = list[tuple[Record, pipeline.SampleValue | None]](), dict[bytes, OutgoingRecord]()
        for record in records:
            key, sample = record.key or b"", None
            try:
                if pipeline.is_end(key):
                    pass
                elif record.value is None:
                    self._note(key, int(dict(record.headers).get(pipeline.SAMPLE_EPOCH_HEADER) or 0))
                else:
                    sample = _DECODE(record.value)
            except ValueError:  # msgspec's errors are of this type
                log.warning("offset %d of %s is no sample and is left out", record.offset, SAMPLES)
                continue
            if sample is not None and 0 < sample.epoch < self._epochs.get(key, 0):
                header = (pipeline.SAMPLE_EPOCH_HEADER, b"%d" % self._epochs[key])
                tombstones[key] = OutgoingRecord(SAMPLES, key, None, (header,), SAMPLES_PARTITION)
                continue
            tombstones.pop(key, None)
            kept.append((record, sample))
        return kept, list(tombstones.values())

    def _note(self, key: bytes, epoch: int) -> None:
        self._epochs[key] = max(epoch, self._epochs.pop(key, 0))
        if len(self._epochs) > DELETIONS_REMEMBERED:
            del self._epochs[next(iter(self._epochs))]
