"""A Redis counts as ready only when it answers a PING."""

import socket
from threading import Thread

import pytest

from streamseg.embedded.child import free_port
from streamseg.embedded.redis_server import answers_ping


@pytest.mark.parametrize(
    ("reply", "ready"), [(b"+PONG\r\n", True), (b"-LOADING Redis is loading the dataset in memory\r\n", False)]
)
def test_a_server_is_ready_when_it_answers_and_not_while_it_loads(reply: bytes, ready: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        requests: list[bytes] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                requests.append(connection.recv(64))
                connection.sendall(reply)

        thread = Thread(target=serve)
        thread.start()
        assert answers_ping(server.getsockname()[1]) is ready
        thread.join()
    assert requests == [b"PING\r\n"]


def test_a_port_without_a_server_is_not_ready() -> None:
    assert answers_ping(free_port()) is False
