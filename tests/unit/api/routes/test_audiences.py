"""Audiences over HTTP: scopes, wrong definitions, previews, counts, members and drops."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.identity import code_of
from streamseg.clustering.likeness.models import Lookalike, Lookalikes, Point, Space
from streamseg.features.layout import Layout
from streamseg.pipeline import Segmentation, look_at_audiences
from streamseg.service.audience_rows import Rest
from streamseg.service.audiences import read_declared
from streamseg.service.audit_trail import Author
from streamseg.wiring.declared_audiences import live_audiences
from tests.support.rows import DAY, NOON, Slab, click, consent, purchase
from tests.support.served_api import PK, READS, SEES_IDS, SK, WRITES, Served, entry_of, membership_of
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of(audiences=4)
CUSTOMERS = [f"c-{n}" for n in range(10)]
BUYERS: dict[str, Any] = {
    "id": "buyers",
    "name": "Buyers",
    "purpose": "ads",
    "minimum_size": 2,
    "rule": {"event": "purchase"},
}
READING = ("/v1/audiences", "/v1/audiences:counts", "/v1/audiences:overlap", "/v1/audiences/buyers/members")


def document(*definitions: dict[str, Any]) -> dict[str, Any]:
    return {"audience": list(definitions)}


async def stage() -> Served:
    """Ten customers, of whom the first five have bought, and two of these consent to ads."""
    served = Served(layout=LAYOUT)
    async with served.client(WRITES) as client:
        assert (await client.post("/v1/audiences", json=document(BUYERS))).status_code == 200
    slab = Slab(LAYOUT, CUSTOMERS)
    slab.feed([click(NOON) for _ in CUSTOMERS], range(10))
    slab.feed([purchase(NOON + n) for n in range(5)], range(5))
    slab.feed([consent(NOON, ads=True) for _ in range(2)], range(2))
    slab.rows.segment[slab.all, 0] = [code_of("behaviour-aaaa" if n < 4 else "behaviour-bbbb") for n in range(10)]
    slab.rows.published_wall[slab.all] = 1
    live, _ = live_audiences(LAYOUT, await read_declared(served.models))
    look_at_audiences(slab.rows, slab.all, NOON + DAY, live)
    await served.models.write_audience_sizes(AudienceSizes(1, {"buyers": 5}, {"buyers": 2}).encode())
    await store_rows(served.state, LAYOUT, dict(zip(CUSTOMERS, slab.stored(), strict=True)), 0, 1)
    return served


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


async def test_counts_preview_and_overlap_are_exact() -> None:
    async with (await stage()).client(WRITES) as client:
        counts = await client.get("/v1/audiences:counts")
        preview = await client.post("/v1/audiences:preview", json=document(BUYERS | {"id": "wished"}))
        overlap = (await client.get("/v1/audiences:overlap")).json()
        listed = (await client.get("/v1/audiences")).json()["audiences"]
    (counted,) = counts.json()["audiences"]
    assert [counted[name] for name in ("matched", "known", "consented", "exported")] == [5, 5, 2, 2]
    assert (counted["dropped"], counted["is_too_small"]) == ({"no_consent": 3}, False)
    (found,) = preview.json()["audiences"]
    assert (found["matched"], found["customers"]) == (5, 10)
    assert found["segments"] == {"behaviour-aaaa": 4, "behaviour-bbbb": 1}
    assert {one["pseudonym"] for one in found["examples"]} == {pseudonym(one) for one in CUSTOMERS[:5]}
    assert found["examples"][0]["why"] == [{"asks": "purchase ever", "wanted": True}]
    assert [(one["segment"], one["both"]) for one in overlap["rows"]] == [("behaviour-aaaa", 4), ("behaviour-bbbb", 1)]
    assert [one["id"] for one in listed] == ["buyers"]


async def test_look_alikes_are_answered_by_what_was_published_last() -> None:
    served = await stage()
    served.compared_by = [Segmentation("behaviour", ("views",))]
    alike = BUYERS | {"id": "alike", "rule": {"lookalike": "buyers", "at_least": 0.6}}

    async def publish(version: int, weight: float) -> None:
        curve = (Point(1.0, 0.0, 1.0, 1.0),)
        learned = Lookalike(seed="buyers", sampled=20, needed=20, weights=(weight, 0.0), curve=curve)
        space = Space(
            segmentation="behaviour",
            features=("views",),
            skewed=(False,),
            mean=(0.0,),
            variance=(1.0,),
            lookalikes=(learned,),
        )
        made = Lookalikes(version, version, (space,))
        assert await served.models.publish_lookalikes(version, version - 1, made.encode())

    desk, matched, reasons = served.desk(), list[int](), list[bool | None]()
    await desk.declare(msgspec.json.encode(document(alike)), Author("crm", "k4", "api"))
    for version, weight in enumerate((0.0, 9.0, -9.0)):
        if version:
            await publish(version, weight)
        (found,) = await desk.preview(msgspec.json.encode(document(alike)))
        matched.append(found.matched)
        (enters, _) = (await desk.reasons("c-9", "en"))["alike"]["clauses"]
        assert enters[1]["asks"] == "is like buyers by behaviour, at least 0.6"
        reasons.append(enters[1]["is"])
    assert matched == [0, 5, 0], "unknown, all but the seed, nobody"
    assert reasons == [None, True, False]


async def test_members_are_pseudonyms_and_ids_need_a_scope_of_their_own() -> None:
    served = await stage()
    async with served.api() as api:
        pages = []
        for key in (WRITES, SEES_IDS):
            async with served.client(key, api=api) as client:
                pages.append((await client.get("/v1/audiences/buyers/members")).json())
                assert (await client.get("/v1/audiences/none/members")).status_code == 404
                wrong = await client.get("/v1/audiences/buyers/members?after=x")
                assert (wrong.status_code, wrong.json()["field"]) == (422, "after")
    hidden, shown = pages
    assert {one["pseudonym"] for one in hidden["members"]} == {pseudonym(one) for one in CUSTOMERS[:5]}
    assert all(one.keys() == {"pseudonym", "since"} for one in hidden["members"])
    assert {one["customer_id"] for one in shown["members"]} == set(CUSTOMERS[:5])
    assert hidden["next"] is None


async def test_ids_of_an_audience_that_is_too_small_are_shown_to_nobody() -> None:
    served = await stage()
    await served.models.write_audience_sizes(AudienceSizes(1, {"buyers": 5}, {"buyers": 1}).encode())
    async with served.client(SEES_IDS) as client:
        members = (await client.get("/v1/audiences/buyers/members")).json()["members"]
        shown = (await client.get("/v1/audiences/buyers")).json()
    assert len(members) == 5
    assert not any("customer_id" in one for one in members)
    assert (shown["size"], shown["consented"], shown["is_too_small"]) == (5, 1, True)


async def test_pages_hold_all_members_together() -> None:
    served = await stage()
    desk = served.desk()
    desk._rest = Rest(rows=2)
    found, after, pages = [], None, 0
    while True:
        page, after = await desk.members("buyers", after, with_ids=True)
        found += [one["customer_id"] for one in page]
        pages += 1
        if after is None:
            break
    assert set(found) == set(CUSTOMERS[:5])
    assert pages > 1


async def test_counts_are_kept_for_a_moment_and_scans_come_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    served = await stage()
    scans, scan = [], served.state.scan

    async def counted(partition: int, cursor: int, count: int) -> Any:
        scans.append(cursor)
        return await scan(partition, cursor, count)

    monkeypatch.setattr(served.state, "scan", counted)
    desk = served.desk()
    first, second, third = await asyncio.gather(desk.counts(), desk.counts(), desk.overlap())
    assert (first, third.as_of) == (second, first[0])
    await desk.counts()
    assert scans == [0]
    desk._clock = lambda: 1e12
    await desk.counts()
    assert scans == [0, 0]


async def test_too_many_questions_that_wait_for_a_scan_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    served, going = await stage(), asyncio.Event()
    scan, under_way, together = served.state.scan, [0], set[int]()

    async def held(partition: int, cursor: int, count: int) -> Any:
        under_way[0] += 1
        together.add(under_way[0])
        await going.wait()
        try:
            return await scan(partition, cursor, count)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(served.state, "scan", held)
    async with served.client(WRITES) as client, asyncio.timeout(20):
        asked = [
            asyncio.create_task(client.post("/v1/audiences:preview", json=document(BUYERS | {"id": f"a{n}"})))
            for n in range(5)
        ]
        done, _ = await asyncio.wait(asked, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        going.set()
        answers = [await one for one in asked]
    (refused,) = done
    assert refused.result().status_code == 429
    assert refused.result().headers["retry-after"] == "5"
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 200, 429]
    assert together == {1}, "one scan at a time"


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


async def test_lookups_are_answered_between_the_pieces_of_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    served = await stage()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    monkeypatch.setattr("streamseg.service.audience_desk.BESIDE_LOOKUPS", Rest(rows=1, share=1.0))
    scanned, between, scan = [0], set[int](), served.state.scan

    async def counted(partition: int, cursor: int, count: int) -> Any:
        scanned[0] += 1
        return await scan(partition, cursor, count)

    monkeypatch.setattr(served.state, "scan", counted)
    async with served.api() as api, served.client(WRITES, api=api) as client:
        counting = asyncio.create_task(client.get("/v1/audiences:counts"))
        while not counting.done():
            assert (await client.get("/v1/customers/c-81/segments")).status_code == 200
            between.add(scanned[0])
    assert counting.result().status_code == 200
    assert len(between) > scanned[0] / 2 > 2


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
