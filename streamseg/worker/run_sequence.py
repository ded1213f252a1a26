"""A reader's place in the runs of its topics."""

from collections.abc import Callable, Iterable

from streamseg.errors import StreamsegError
from streamseg.events.record import RecordBatch


class MissingRunError(StreamsegError):
    """A run was dropped between the poll and its reader: the partition must be read again from its checkpoint."""


class RunSequence:
    """A reader's place in the runs of its topics: takes each run of the current session once, in order."""

    def __init__(self, partition: int, session: Callable[[str, int], tuple[int, int]]) -> None:
        self._partition = partition
        self._session = session
        self._taken: dict[str, tuple[int, int]] = {}

    def accepts(self, run: RecordBatch) -> bool:
        """Whether the run is the next one; False for a stale run. Raises `MissingRunError`."""
        session, _ = self._session(run.topic, self._partition)
        if run.session != session:
            return False
        expected = self._expected(run.topic, session)
        if run.number != expected:
            raise MissingRunError(f"run {expected} of {run.topic} is missing")
        self._taken[run.topic] = (session, expected + 1)
        return True

    def under_way(self, topics: Iterable[str]) -> set[tuple[str, int, int]]:
        """Topics of which runs were handed out but not taken, with session and number of the next one."""
        ahead = set()
        for topic in topics:
            session, handed_out = self._session(topic, self._partition)
            expected = self._expected(topic, session)
            if expected < handed_out:
                ahead.add((topic, session, expected))
        return ahead

    def _expected(self, topic: str, session: int) -> int:
        taken_session, taken = self._taken.get(topic, (session, 0))
        return taken if taken_session == session else 0
