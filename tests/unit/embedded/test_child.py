"""What embedded servers share: their ports."""

import json
import subprocess
import sys

import pytest

from streamseg.embedded import child
from streamseg.embedded.child import SERVER_PORTS, free_port, listens

FEW = range(SERVER_PORTS.stop - 40, SERVER_PORTS.stop)
ASKS = f"""
from streamseg.embedded import child
child.SERVER_PORTS = {FEW}
print([child.free_port() for _ in range(10)], flush=True)
input()
"""


def test_free_ports_are_none_that_outgoing_connections_take() -> None:
    """Two servers of tests that ran side by side once lost theirs to a connection before they listened."""
    found = {free_port() for _ in range(50)}
    assert len(found) > 40, "two processes that ask at once get different ones"
    assert all(port in SERVER_PORTS and not listens(port) for port in found)
    assert max(SERVER_PORTS) < 32_768


def test_a_free_port_is_given_to_one_caller_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node of a Redis Cluster found its port taken: two calls had returned the same, before either was used."""
    monkeypatch.setattr(child, "SERVER_PORTS", FEW)
    with subprocess.Popen(
        [sys.executable, "-c", ASKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = json.loads(other.stdout.readline())
        ours = [free_port() for _ in range(10)]
        other.communicate("\n")
    assert len({*theirs, *ours}) == 20
