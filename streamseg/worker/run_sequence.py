"""Takes every run of a session once, in order, and notices a missing one (DESIGN.md, Reading in runs)."""

from collections.abc import Iterable

from streamseg.errors import StreamsegError
from streamseg.events.record import RecordBatch
from streamseg.ports import Sessions


class MissingRunError(StreamsegError):
    """A run was dropped between poll and reader: the partition must be read again from its checkpoint."""


class RunSequence:
    """The place of one partition's reader in the runs of its topics."""

    def __init__(self, partition: int, sessions: Sessions) -> None:
        self._partition = partition
        self._sessions = sessions
        self._taken: dict[str, tuple[int, int]] = {}
        self._unseen: set[tuple[str, int, int]] = set()
        """Runs that were under way at the last check."""

    def accepts(self, run: RecordBatch) -> bool:
        """Return whether the run is the next one; False for a stale run. Raises `MissingRunError`."""
        session, _ = self._sessions.session(run.topic, self._partition)
        if run.session != session:
            return False
        expected = self._expected(run.topic, session)
        if run.number != expected:
            raise MissingRunError(f"run {expected} of {run.topic} is missing")
        self._taken[run.topic] = (session, expected + 1)
        return True

    def check(self, topics: Iterable[str], *, inbox_empty: bool) -> None:
        """Raise `MissingRunError` for a run that was under way at the last check too and is in no inbox.

        An agent that raised, or a queue that Faust cleared, leaves a run that was handed out and never arrives. Without
        this check a missing run would be noticed only when the next one arrives.
        """
        under_way = self._under_way(topics) if inbox_empty else set()
        if missing := under_way & self._unseen:
            self._unseen = set()
            raise MissingRunError(f"a run of {min(missing)[0]} is missing")
        self._unseen = under_way

    def _under_way(self, topics: Iterable[str]) -> set[tuple[str, int, int]]:
        """Return (topic, session, next run) of each topic with a run handed out and not taken yet."""
        ahead = set()
        for topic in topics:
            session, handed_out = self._sessions.session(topic, self._partition)
            expected = self._expected(topic, session)
            if expected < handed_out:
                ahead.add((topic, session, expected))
        return ahead

    def _expected(self, topic: str, session: int) -> int:
        taken_session, taken = self._taken.get(topic, (session, 0))
        return taken if taken_session == session else 0
