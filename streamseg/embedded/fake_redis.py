"""fakeredis over TCP, in a process of its own: the last resort where no Redis server runs."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from streamseg.embedded.child import Child, free_port, listens

START_TIMEOUT_SECONDS: Final = 30.0


class FakeRedisServer:
    """Speaks Redis, keeps all in memory, is slow: about a tenth of the real one."""

    def __init__(self) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "streamseg.embedded.fake_redis", str(self.port)]
        self._child = Child("fakeredis", command, Path(tempfile.mkdtemp(prefix="streamseg-fakeredis-")))

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers. Raises `ServerError`."""
        self._child.start(lambda: listens(self.port), START_TIMEOUT_SECONDS)

    def close(self) -> None:
        """End it."""
        self._child.close()


def _serve(port: int) -> None:
    from fakeredis import TcpFakeServer  # noqa: PLC0415 - an extra

    TcpFakeServer(("127.0.0.1", port), server_type="redis").serve_forever()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
