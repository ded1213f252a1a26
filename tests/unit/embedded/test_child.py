"""What embedded servers share: their ports."""

from streamseg.embedded.child import SERVER_PORTS, free_port, listens


def test_free_ports_are_none_that_outgoing_connections_take() -> None:
    """Two servers of tests that ran side by side once lost theirs to a connection before they listened."""
    found = {free_port() for _ in range(50)}
    assert len(found) > 40, "two processes that ask at once get different ones"
    assert all(port in SERVER_PORTS and not listens(port) for port in found)
    assert max(SERVER_PORTS) < 32_768
