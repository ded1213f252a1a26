"""Numbers runs by session, so that a reader can tell a stale or a missing run (DESIGN.md, Reading in runs)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from faust.types import TP
from faust.types.transports import SchedulingStrategyT

from streamseg.events.record import RecordBatch


class RunScheduler(SchedulingStrategyT):  # type: ignore[misc]  # Faust is untyped
    """Yields one item per poll and topic: a run of each partition."""

    def __init__(self) -> None:
        self._sessions: dict[TP, int] = defaultdict(int)
        self._begun: dict[TP, int] = {}
        self._numbers: dict[tuple[TP, int], int] = defaultdict(int)

    def open_session(self, tp: TP) -> int:
        """Make every polled run stale; return the number of the new session, which begins after the seek."""
        self._numbers.pop((tp, self._sessions[tp]), None)
        self._sessions[tp] += 1
        return self._sessions[tp]

    def begin_session(self, tp: TP, session: int) -> None:
        """Count what is polled after the seek to this session, even if a later session was opened meanwhile."""
        self._begun[tp] = session

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the current session, and how many of its runs were handed out."""
        tp = TP(topic, partition)
        session = self._sessions[tp]
        return session, self._numbers[tp, session]

    def iterate(self, records: Mapping[TP, Any]) -> Iterator[tuple[TP, Any]]:
        """Yield the polled records of each topic as runs, with one of its partitions.

        Nothing of partitions whose session has not begun.
        """
        topics = defaultdict[str, list[TP]](list)
        for tp in records:
            topics[tp.topic].append(tp)
        for polled in topics.values():
            if runs := [run for tp in polled if (run := self._run(tp, records[tp])) is not None]:
                yield TP(runs[0].topic, runs[0].partition), runs

    def _run(self, tp: TP, polled: Any) -> RecordBatch | None:
        session = self._begun.get(tp)
        if not polled or session is None or session != self._sessions[tp]:
            return None
        number = self._numbers[tp, session]
        self._numbers[tp, session] += 1
        plain = list(polled)  # false when empty; the polled one is true with a marker alone
        return RecordBatch(tp.topic, tp.partition, session, number, plain, polled.start, polled.next_offset)
