"""Reading the input topics in runs: what the stream offers a worker, and what it asks of it."""

from collections.abc import Collection, Mapping
from typing import Protocol

from streamseg.events.record import RecordBatch


class Sessions(Protocol):
    """Numbers the runs of each topic partition, by session. Does not block or raise."""

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the current session of a topic partition, and how many of its runs were handed out."""
        ...


class Reader(Sessions, Protocol):
    """Delivers runs, and moves to other offsets on request.

    Partitions and the trainer call it from the event loop. No method blocks or raises.
    """

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        """Continue each (topic, partition) at an offset, None for the first one kept.

        Opens a new session: runs that were polled before are stale.
        """
        ...

    def wake(self) -> None:
        """Poll at once: the handler has room again for a partition that had none."""
        ...

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        """Return the input topics of a partition that hold records at or after the next offsets in `reached`."""
        ...


class RunHandler(Protocol):
    """Takes the runs that a `RunStream` reads. Implemented by the worker, called by the stream."""

    def begin(self, assigned: set[tuple[str, int]]) -> None:
        """Take over these (topic, partition) pairs and no others. Returns at once; reading starts with a `rewind`.

        Called with every assignment; pairs that stay are read on from where they are durable.
        """
        ...

    def has_room(self, topic: str, partition: int) -> bool:
        """Return whether a run may come. Without room the topic partition is not polled, and all others are.

        Called from the thread that polls: it must not block or raise.
        """
        ...

    def committable(self, topic: str, partition: int) -> int | None:
        """Return the next offset to read, everything before it being durable and delivered; None if unknown."""
        ...

    def offer(self, run: RecordBatch) -> None:
        """Take a run. Must not wait for room: the agent of a topic serves all its partitions."""
        ...


class RunStream(Reader, Protocol):
    """A `Reader` with its life cycle. The worker process starts and stops it."""

    async def start(self, handler: RunHandler) -> None:
        """Join the consumer group and hand every run to `handler`."""
        ...

    async def commit(self) -> None:
        """Commit to Kafka what `handler` says is committable."""
        ...

    async def stop(self) -> None:
        """Leave the consumer group. Does nothing before `start`."""
        ...

    def backlog(self) -> dict[tuple[str, int], int]:
        """Return the uncommitted records of each assigned topic partition whose end is known."""
        ...

    def held_back(self) -> dict[tuple[str, int], int]:
        """Return, by assigned topic partition, the records after the last stable offset.

        They cannot be read before the producer ends its transaction, or the broker ends it after its timeout.
        """
        ...

    def crashed(self) -> str | None:
        """Return why the stream ended by itself; None while it runs."""
        ...
