"""The Faust app behind the `RunStream` port: what the worker knows of Faust."""

from collections.abc import Collection, Mapping
from typing import Any

from streamseg.ports import RunHandler
from streamseg.settings import KafkaSettings
from streamseg.stream.app import build_app, consumer_of
from streamseg.stream.consumer import RunConsumer


class FaustStream:
    """A `RunStream` on Faust.

    Args:
        kafka: where the broker is, and how this worker joins the group.
        max_poll: records per poll, at most.
        max_fetch: bytes of a partition in one answer of the broker, at most.
    """

    def __init__(self, kafka: KafkaSettings, *, max_poll: int, max_fetch: int) -> None:
        self._kafka = kafka
        self._max_poll = max_poll
        self._max_fetch = max_fetch
        self._app: Any = None

    @property
    def consumer(self) -> RunConsumer:
        """The consumer of the app; only after `start`."""
        return consumer_of(self._app)

    async def start(self, handler: RunHandler) -> None:
        """See the port."""
        self._app = build_app(self._kafka, handler, self._max_poll, self._max_fetch)
        await self._app.start()

    async def commit(self) -> None:
        """See the port."""
        if self._app is not None and self._app.started:
            await self.consumer.commit()

    async def stop(self) -> None:
        """See the port."""
        if self._app is not None and self._app.started:
            await self._app.stop()

    def crashed(self) -> str | None:
        """See the port."""
        if self._app is None or not self._app.should_stop:
            return None
        return str(getattr(self._app, "crash_reason", None) or "no reason given")

    def backlog(self) -> dict[tuple[str, int], int]:
        """See the port."""
        return self.consumer.backlog()

    def held_back(self) -> dict[tuple[str, int], int]:
        """See the port."""
        return self.consumer.held_back()

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        """See the port."""
        self.consumer.rewind(starts)

    def wake(self) -> None:
        """See the port."""
        self.consumer.wake()

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        """See the port."""
        return self.consumer.behind(partition, reached)

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        """See the port."""
        return self.consumer.scheduler.session(topic, partition)
