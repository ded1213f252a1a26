"""Audiences over HTTP: scopes, wrong definitions, changes, and why."""

import logging
from dataclasses import replace

import pytest

from tests.support.audience_stage import BUYERS, LAYOUT, document, stage
from tests.support.served_api import PK, READS, SEES_IDS, SK, WRITES, Served, entry_of, membership_of

pytestmark = pytest.mark.asyncio
READING = ("/v1/audiences", "/v1/audiences:counts", "/v1/audiences:overlap", "/v1/audiences/buyers/members")


async def test_each_operation_needs_its_scope() -> None:
    served = await stage()
    async with served.api() as api:
        for key, status in ((PK, 403), (SK, 403), (READS, 200), (WRITES, 200)):
            async with served.client(key, api=api) as client:
                assert [(await client.get(path)).status_code for path in READING] == [status] * 4
        for key, status in ((SK, 403), (READS, 403), (SEES_IDS, 403), (WRITES, 200)):
            async with served.client(key, api=api) as client:
                for path in ("/v1/audiences", "/v1/audiences:preview"):
                    answer = await client.post(path, json=document(BUYERS))
                    assert answer.status_code == status
                    assert status == 200 or "audiences:write" in answer.json()["detail"]
        for key, status in ((READS, 403), (WRITES, 200)):
            async with served.client(key, api=api) as client:
                assert (await client.delete("/v1/audiences/buyers")).status_code == status


async def test_a_wrong_definition_names_the_field_of_each_error() -> None:
    wrong = BUYERS | {"id": "odd", "rule": {"all": [{"feature": "transaction", "at_least": 1}, {"event": "visi"}]}}
    async with (await stage()).client(WRITES) as client:
        answers = [await client.post(path, json=document(wrong)) for path in ("/v1/audiences", "/v1/audiences:preview")]
        shapeless = await client.post("/v1/audiences", json={"audience": [{"id": "a"}]})
        none = await client.post("/v1/audiences", content=b"{")
    for answer in answers:
        assert answer.status_code == 422
        errors = answer.json()["errors"]
        assert [one["field"] for one in errors] == [
            "audience[0].rule.all[0].feature",
            "audience[0].rule.all[1].event",
        ]
        assert answer.json()["field"] == errors[0]["field"]
        assert "did you mean transactions?" in answer.json()["detail"]
        assert errors[0]["audience"] == "odd"
    assert {"audience[0].name", "audience[0].purpose", "audience[0].rule"} <= {
        one["field"] for one in shapeless.json()["errors"]
    }
    assert (none.status_code, none.json()["field"]) == (400, "body")


async def test_audiences_are_declared_changed_shown_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    served = Served(layout=LAYOUT)
    with caplog.at_level(logging.INFO):
        async with served.client(WRITES) as client:
            first = await client.post("/v1/audiences", json=document(BUYERS))
            again = await client.post("/v1/audiences", json=document(BUYERS))
            changed = await client.post("/v1/audiences", json=document(BUYERS | {"minimum_size": 3}))
            listed = (await client.get("/v1/audiences")).json()["audiences"]
            shown = (await client.get("/v1/audiences/buyers")).json()
            same = await client.post("/v1/audiences", json=document(shown["definition"]))
            dropped = await client.delete("/v1/audiences/buyers")
            gone = [await client.get("/v1/audiences/buyers"), await client.delete("/v1/audiences/buyers")]
            back = await client.post("/v1/audiences", json=document(BUYERS))
    told = [one.json()["audiences"][0] for one in (first, again, changed, same)]
    assert [(one["version"], one["changed"]) for one in told] == [(1, True), (1, False), (2, True), (2, False)]
    assert listed == [shown]
    assert (shown["definition"], shown["size"]) == (BUYERS | {"minimum_size": 3}, 0)
    assert dropped.json() == {"dropped": "buyers"}
    assert [(one.status_code, one.json()["field"]) for one in gone] == [(404, "id")] * 2
    assert back.status_code == 409
    assert "does not come back" in back.json()["detail"]
    assert [one.getMessage() for one in caplog.records if one.name.startswith("streamseg")] == [
        "key k4 (k4) declared audience buyers, version 1",
        "key k4 (k4) declared audience buyers, version 2",
        "key k4 (k4) dropped audience buyers",
    ]


async def test_there_is_no_room_for_more_audiences_than_rows_have_columns() -> None:
    async with Served(layout=LAYOUT).client(WRITES) as client:
        answers = [await client.post("/v1/audiences", json=document(BUYERS | {"id": f"a{n}"})) for n in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 200, 409]
    assert "audiences.most" in answers[-1].json()["detail"]


async def test_a_body_above_the_limit_is_refused() -> None:
    served = await stage()
    served.settings = served.settings.model_copy(update={"body_limit_bytes": 1_024})
    async with served.client(WRITES) as client:
        answer = await client.post("/v1/audiences", json=document(BUYERS | {"description": "x" * 900}, BUYERS))
    assert (answer.status_code, answer.json()["field"]) == (413, "body")


async def test_a_key_that_is_rotated_keeps_its_scopes() -> None:
    from streamseg.service.key_issuing import issue, issue_successor

    key, _ = issue("console", "secret", 100.0, ["audiences:write", "audiences:read"])
    assert key.scopes == ("audiences:read", "audiences:write")
    changed, _ = issue_successor([key], "console", 110.0, 60.0)
    assert changed[0].scopes == key.scopes
    assert replace(key, scopes=()).scopes == ()


async def test_why_says_of_audiences_what_holds_in_the_language_of_the_reader() -> None:
    served = await stage()
    await served.memberships.write([entry_of(replace(membership_of("c-0"), audiences=("buyers",)))])
    async with served.client() as client:
        english = (await client.get("/v1/customers/c-0/why")).json()["audiences"]
        dutch = (await client.get("/v1/customers/c-0/why?lang=nl")).json()["audiences"]
    assert english["buyers"]["member"] is True
    assert english["buyers"]["clauses"] == [
        [{"asks": "purchase ever", "wanted": True, "is": True, "value": None, "until": None}]
    ]
    assert dutch["buyers"]["clauses"][0][0]["asks"] == "aankoop ooit"


async def test_changes_over_http_are_in_the_audit_log_by_the_key() -> None:
    served = await stage()
    async with served.client(WRITES) as client:
        await client.post("/v1/audiences", json=document(BUYERS))  # changes nothing
        await client.delete("/v1/audiences/buyers")
    said = [(one.who, one.key_id, one.role, one.action, one.subject) for one in await served.audit.latest(9)]
    assert [one[3:] for one in said] == [("declare audience", "buyers"), ("drop audience", "buyers")]
    assert {one[1:3] for one in said} == {("k4", "api")}
    assert [(one.before is None, one.after is None) for one in await served.audit.latest(9)] == [
        (True, False),
        (False, True),
    ]
