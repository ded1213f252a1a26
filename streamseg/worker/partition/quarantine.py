"""Finds the record behind a repeated error and sets it aside, so that the partition goes on.

An unexpected exception between decoding and flush leads to a reset, and the same runs come again. After a few attempts
the runs are worked off in pieces, each flushed by itself. A piece that fails is halved in the next attempt, down to the
one record, which goes to dead letters instead. Every attempt starts from reloaded rows. Errors of servers do not count:
they say nothing of a record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from streamseg.errors import RecordRefusedError, StreamsegError
from streamseg.events.record import Record, RecordBatch
from streamseg.events.rejection import Reason, RejectedEvent

ATTEMPTS: Final = 3
"""Failures in a row before the search begins: the first ones may have passed by themselves."""
SEARCH_ENDS_AT: Final = 4_096
"""Records of one piece at which runs are worked off together again."""
STAGE: Final = "absorb"


class Quarantine:
    """The search of one partition, and the records that it has set aside."""

    def __init__(self) -> None:
        self._failures = 0
        self._suspects: set[str] = set()
        """Topics whose records were under way at the last failure and have not passed since."""
        self._limit: int | None = None
        """Records in one piece, at most; None outside a search."""
        self._under_way: Sequence[RecordBatch] = ()
        self._set_aside: dict[tuple[str, int], str] = {}
        """Type of the exception, by topic and offset."""

    @property
    def is_searching(self) -> bool:
        """Whether runs must be worked off in pieces."""
        return self._limit is not None

    def pieces(self, run: RecordBatch) -> Iterator[RecordBatch]:
        """Split a run into pieces of the present size; the size may change from piece to piece."""
        at, start = 0, run.start
        while True:
            end = len(run.records) if self._limit is None else at + self._limit
            last = end >= len(run.records)
            next_offset = run.next_offset if last else run.records[end].offset
            yield replace(run, records=run.records[at:end], start=start, next_offset=next_offset)
            if last:
                return
            at, start = end, next_offset

    def begin(self, runs: Sequence[RecordBatch]) -> None:
        """Note that these runs are being worked off together."""
        self._under_way = runs

    def passed(self) -> None:
        """Note that they are flushed. This tells nothing of the failure while a suspected topic has not passed."""
        runs, self._under_way = self._under_way, ()
        topics = {run.topic for run in runs if run.records}
        self._suspects -= topics
        if self._suspects or not topics:
            return
        self._failures = 0
        if self._limit is not None:
            self._limit = self._limit * 2 if self._limit < SEARCH_ENDS_AT else None

    def failed(self, error: Exception) -> tuple[str, int] | None:
        """Note an error. Returns topic and offset of the record that was set aside because of it, if one was.

        Must be called after every error that ends a cycle.
        """
        runs, self._under_way = self._under_way, ()
        records = [(run.topic, record.offset) for run in runs for record in run.records]
        tied_to_a_record = not isinstance(error, StreamsegError) or isinstance(error, RecordRefusedError)
        if not tied_to_a_record or not records:
            return None
        self._suspects = {run.topic for run in runs if run.records}
        self._failures += 1
        if self._limit is None and self._failures < ATTEMPTS:
            return None
        if len(records) > 1:
            self._limit = len(records) // 2
            return None
        self._set_aside[records[0]] = type(error).__name__
        return records[0]

    def sift(self, run: RecordBatch) -> tuple[RecordBatch, list[RejectedEvent]]:
        """Separate the records that were set aside from the others."""
        if not self._set_aside:
            return run, []
        kept: list[Record] = []
        rejected: list[RejectedEvent] = []
        for record in run.records:
            error = self._set_aside.get((run.topic, record.offset))
            if error is None:
                kept.append(record)
            else:
                rejected.append(RejectedEvent(record, STAGE, Reason.INTERNAL, error))
        return replace(run, records=kept), rejected

    def release(self, topic: str, before: int) -> None:
        """Forget the records of a topic below an offset: the checkpoint has passed them."""
        for place in [place for place in self._set_aside if place[0] == topic and place[1] < before]:
            del self._set_aside[place]
