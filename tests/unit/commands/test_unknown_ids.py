"""Issue 13, item 25: an unknown id ends a command with exit code 1."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner

from streamseg.commands import streamseg
from streamseg.errors import SettingsError, StreamsegError
from streamseg.features.layout import Layout
from streamseg.service.segment_members import segment_members
from streamseg.service.segments import rename
from streamseg.store.memory import MemoryMembershipStore, MemoryModelStore, MemoryStateStore


def test_an_unknown_customer_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object) -> tuple[None, dict[str, Any]]:
        return None, {}

    monkeypatch.setattr("streamseg.wiring.build_service.read_membership", nobody)
    for arguments in (("lookup", "nobody"), ("lookup", "nobody", "--json")):
        result = CliRunner().invoke(streamseg, arguments)
        assert isinstance(result.exception, StreamsegError)
        assert not isinstance(result.exception, SettingsError), "which would be exit code 2"
        if "--json" in arguments:
            assert json.loads(result.stdout) == {"customer_id": "nobody", "known": False, "segments": {}}


def test_an_unknown_parked_delivery_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.commands.webhooks._changed", lambda *_: ["d-1"])
    assert CliRunner().invoke(streamseg, ["webhooks", "retry", "d-1"]).exit_code == 0
    result = CliRunner().invoke(streamseg, ["webhooks", "retry", "d-1", "d-2"])
    assert isinstance(result.exception, StreamsegError)
    assert "retrying 1 of 2" in result.stdout
    assert "d-2" in str(result.exception)


def test_an_unknown_segment_exits_with_1() -> None:
    async def ask(one: str) -> None:
        stores = MemoryStateStore(), MemoryMembershipStore(ttl_seconds=60), MemoryModelStore()
        if one == "rename":
            await rename(stores[2], "behaviour-aaaa", "Fans")
        else:
            async for _ in segment_members(*stores, Layout.of(), "behaviour-aaaa"):
                pass

    for one in ("rename", "members"):
        with pytest.raises(StreamsegError, match="there is no segment behaviour-aaaa") as raised:
            asyncio.run(ask(one))
        assert not isinstance(raised.value, SettingsError), "which would be exit code 2"
