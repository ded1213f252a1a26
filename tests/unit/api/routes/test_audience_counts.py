"""Counts, previews and overlap over HTTP: exact, one scan at a time, beside lookups."""

import asyncio
from typing import Any

import msgspec
import pytest

from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.likeness.models import Lookalike, Lookalikes, Point, Space
from streamseg.pipeline import Segmentation
from streamseg.service.audience_rows import Rest
from streamseg.service.audit_trail import Author
from tests.support.audience_stage import BUYERS, CUSTOMERS, document, stage
from tests.support.served_api import WRITES, entry_of, membership_of

pytestmark = pytest.mark.asyncio


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
