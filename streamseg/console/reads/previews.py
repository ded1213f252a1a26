"""Previews of audiences that are being written: one at a time for each page that is open, of which the newest wins."""

import asyncio
from typing import Final

from streamseg.errors import StreamsegError
from streamseg.service.audience_desk import AudienceDesk
from streamseg.service.audiences import Preview

LONGEST_SECONDS: Final = 300.0


class SupersededError(StreamsegError):
    """The same page has asked for a newer preview."""


class Previews:
    """Asks the desk, and gives up what a newer question of the same page has made useless."""

    def __init__(self, desk: AudienceDesk) -> None:
        self._desk = desk
        self._running: dict[str, asyncio.Task[list[Preview]]] = {}

    async def of(self, page: str, document: bytes, name: str, language: str) -> Preview:
        """Return who would belong to the audience of a document; `page` is which page asks.

        Raises `SupersededError`, and what `AudienceDesk.preview` raises.
        """
        earlier = self._running.get(page)
        if earlier is not None:
            earlier.cancel()
        asked = asyncio.create_task(self._desk.preview(document, name=name, language=language))
        self._running[page] = asked
        try:
            done, _ = await asyncio.wait({asked}, timeout=LONGEST_SECONDS)
            if asked.cancelled() or not done:
                raise SupersededError("a newer preview has taken the place of this one")
            return asked.result()[0]
        finally:
            asked.cancel()
            if self._running.get(page) is asked:
                del self._running[page]
