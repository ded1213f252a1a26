"""Audiences over HTTP on real servers: declared, followed by a worker, seen by lookups, counted, and dropped."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamseg.clustering.description.describe import pseudonym
from streamseg.sources.fitgear import FitGear
from tests.support.api import ApiProcess
from tests.support.processes import run, send, until, until_absorbed, worker

pytestmark = pytest.mark.integration

ENDS_AT = 1_795_000_000.0
BUYERS: dict[str, Any] = {
    "audience": [{"id": "buyers", "name": "Buyers", "purpose": "ads", "minimum_size": 2, "rule": {"event": "purchase"}}]
}


def key_of(environment: dict[str, str], name: str, *scopes: str) -> str:
    chosen = [part for scope in scopes for part in ("--scope", scope)]
    return str(run(environment, "keys", "create", name, *chosen)["key"])


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def all_members(client: httpx.Client) -> tuple[list[dict[str, Any]], int]:
    """Return the members of all pages, and how many are not listed."""
    members, without_consent, page = list[dict[str, Any]](), 0, dict[str, Any](next="0.0")
    while page["next"] is not None:
        page = client.get("/v1/audiences/buyers/members", params={"after": page["next"]}).json()
        members, without_consent = members + page["members"], without_consent + page["without_consent"]
    return members, without_consent


def test_a_program_declares_counts_and_drops_audiences(environment: dict[str, str], tmp_path: Path) -> None:
    events = list(FitGear(120, 30, 5, ends_at=ENDS_AT))
    console, shop = key_of(environment, "console", "audiences:write"), key_of(environment, "shop")
    with (
        worker(environment, tmp_path / "worker.log"),
        ApiProcess(environment["STREAMSEG_REDIS__URL"], **environment) as api,
        httpx.Client(base_url=api.address, headers=bearer(console), timeout=30) as client,
    ):
        send(environment["STREAMSEG_KAFKA__BOOTSTRAP"], events)
        until_absorbed(environment)
        (preview,) = client.post("/v1/audiences:preview", json=BUYERS).json()["audiences"]
        assert client.get("/v1/audiences").json()["audiences"] == []
        assert client.post("/v1/audiences", json=BUYERS).json()["audiences"] == [
            {"id": "buyers", "version": 1, "changed": True}
        ]
        assert client.get("/v1/audiences", headers=bearer(shop)).status_code == 403

        def counted() -> dict[str, Any]:
            found: dict[str, Any] = client.get("/v1/audiences:counts").json()["audiences"][0]
            return found

        until(lambda: counted()["matched"] == preview["matched"] > 0, "counted")
        command = run(environment, "audiences")["audiences"][0]
        assert {name: command[name] for name in counted()} == counted()
        listed, (members, without_consent) = run(environment, "audiences", "members", "buyers"), all_members(client)
        reached = counted()["consented"]
        assert len(members) == len(listed["members"]) == reached > 0, "nobody without consent is listed"
        assert without_consent == listed["without_consent"] == counted()["matched"] - reached > 0
        member = listed["members"][0]["customer_id"]
        assert pseudonym(member) in {one["pseudonym"] for one in members}
        assert client.get(f"/v1/customers/{member}/segments").json()["audiences"] == ["buyers"]
        over_http = client.get("/v1/audiences:overlap").json()
        assert {**over_http, "as_of": 0} == {**run(environment, "overlap"), "as_of": 0}
        assert client.delete("/v1/audiences/buyers").json() == {"dropped": "buyers"}
        until(lambda: client.get(f"/v1/customers/{member}/segments").json()["audiences"] == [], "left")
        log = "".join(api.log)
    assert "key console" in log
    assert "declared audience buyers, version 1" in log
    assert "dropped audience buyers" in log
    assert not any(customer in log for customer in {event.customer_id for event in events})
    assert json.dumps(members).count("customer_id") == 0
