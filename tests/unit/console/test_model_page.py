"""What the model has learned, its lineage, challenges, choice of k, and a shadow that is promoted. Issue 17."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from streamseg.clustering.challenged import Challenged
from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.encode import Scale
from streamseg.clustering.identity import code_of
from streamseg.clustering.lineage import Lineage
from streamseg.clustering.snapshot import Snapshot, WarmUp
from streamseg.console.pages.model_lineage import lives
from streamseg.ports import Flush
from streamseg.service.k_selection import KAdvice, KTrial
from tests.support.console import LAYOUT, NOW, ORIGIN, OTHER, SEGMENT, ServedConsole, entry, served_console, shown
from tests.support.rows import NOON, Slab, click

SHADOW = "value-aaaa"
SNAPSHOT = Snapshot(
    segmentation="behaviour",
    version=7,
    parent=6,
    generation=2,
    clusterer="kmeans",
    features=("clicks", "weekend_share"),
    skewed=(True, False),
    scale=Scale((1.0, 0.5), (0.25, 0.04)),
    centres=((2.0, 1.0), (0.0, -1.0)),
    segments=(SEGMENT, OTHER),
    counts=(4, 4),
    learned=1234,
    samples_offset=9,
    first_sample_at=0.0,
    learned_until=NOW,
    last_challenge_at=NOW - 60,
    warm_up=WarmUp(10, 10, 5.0, 5),
    drift=(1.0, 2.0, 3.0),
    drift_open=(0.0, 0.0, 0.0, 1.0),
    lineage=(
        Lineage(NOW - 9000, "emerge", SEGMENT),
        Lineage(NOW - 9000, "emerge", "behaviour-0000"),
        Lineage(NOW - 5000, "emerge", OTHER, (("behaviour-0000", 0.6),)),
        Lineage(NOW - 4000, "absorbed", "behaviour-0000", ((SEGMENT, 0.7),), NOW - 1000),
    ),
    challenges=(
        Challenged(NOW - 7200, "first", "time", 10.0, 10.0, 0.0),
        Challenged(NOW - 3600, "adopted", "drift", 10.0, 9.0, 0.2),
    ),
)


def token_of(page: str) -> str:
    """The token that forms of this session send."""
    (found, *_) = re.findall(r'name="token" value="(\w+)"', page)
    return str(found)


async def publish(served: ServedConsole, snapshot: Snapshot) -> None:
    assert await served.models.publish(snapshot.segmentation, snapshot.version, 0, snapshot.to_json())


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.asyncio
async def test_centres_are_in_the_units_of_the_features() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await publish(served, SNAPSHOT)
        found = rows((await client.get("/model?as=csv&name=centres")).text)
        assert found[0] == ["Feature", "Weekend shoppers", "'=Night owls"]
        clicks = [f"{np.expm1(2.0):.4g}", f"{np.expm1(1.0):.4g}"]
        assert sorted(found[1:]) == [["clicks", *clicks], ["weekend_share", "0.7", "0.3"]]
        spec = json.loads((await client.get("/model?as=json&name=centres")).text)
        assert {one["text"] for one in spec["data"]["values"]} >= {"70%", "30%"}
        assert (await client.get("/model?as=svg&name=centres")).text.startswith("<svg")


@pytest.mark.asyncio
async def test_challenges_drift_and_an_alarm_are_told() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await publish(served, SNAPSHOT)
        found = rows((await client.get("/model?as=csv&name=challenges")).text)
        assert [one[1:] for one in found[1:]] == [["adopted", "drift", "0.1", "0.2"], ["first", "time", "0.0", "0.0"]]
        page = (await client.get("/model")).text
        assert "challenger adopted" in page
        assert "Customers drift away from the model" in page
        drift = json.loads((await client.get("/model?as=json&name=drift")).text)
        assert [(one["round"], one["value"]) for one in drift["data"]["values"]] == [(-2, 1.0), (-1, 2.0), (0, 3.0)]
        for name in ("drift", "challenges", "tree"):
            assert (await client.get(f"/model?as=svg&name={name}")).text.startswith("<svg")


def test_the_tree_has_each_segment_below_the_one_that_it_came_from() -> None:
    found = lives(SNAPSHOT)
    assert [one.name for one in found] == ["behaviour-0000", OTHER, SEGMENT]
    ended, child, other = found
    assert (ended.lives, ended.into, ended.ends) == (False, SEGMENT, NOW - 1000)
    assert (child.parents, child.lives, child.ends) == (("behaviour-0000",), True, NOW)
    assert (other.parents, other.into) == ((), None)


@pytest.mark.asyncio
async def test_before_the_first_model_the_page_says_what_is_missing() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        assert "segments come when enough customers were seen" in (await client.get("/model")).text
        cold = replace(SNAPSHOT, centres=(), segments=(), warm_up=WarmUp(3, 10, 5.0, 5), lineage=(), challenges=())
        await publish(served, cold)
        served.console._serving._facts.learning._snapshots["behaviour"].forget()
        assert "3 of 10 customers" in (await client.get("/model")).text


@pytest.mark.asyncio
async def test_advice_on_k_is_computed_for_who_asks_only() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await publish(served, SNAPSHOT)
        served.advice = KAdvice(500, (KTrial(2, 1.5, 90.0), KTrial(3, 1.1, 60.0)), 3, 2)
        assert "The index suggests" not in (await client.get("/model")).text
        await shown(client, "/model?advice=yes", "The index suggests 3 segments, the elbow 2; the setting is 3.")
        spec = json.loads((await client.get("/model?advice=yes&as=json&name=k")).text)
        assert [one["text"] for one in spec["data"]["values"]] == ["elbow", "best index, setting"]


@pytest.mark.asyncio
async def test_a_shadow_is_shown_beside_the_public_segmentation_with_who_would_move() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await publish(served, replace(SNAPSHOT, segmentation="value", segments=(SHADOW, "value-bbbb")))
        await served.models.write_catalogue({SHADOW: entry("Spenders"), "value-bbbb": entry("Savers")})
        customers = tuple(f"c-{number}" for number in range(4))
        slab = Slab(LAYOUT, customers)
        slab.feed([click(NOON) for _ in customers], range(4))
        slab.rows.segment[slab.all, 0] = [code_of(one) for one in (SEGMENT, SEGMENT, OTHER, OTHER)]
        slab.rows.segment[slab.all, 1] = [code_of(one) for one in (SHADOW, SHADOW, "value-bbbb", SHADOW)]
        stored = await served.state.metadata(0)
        assert stored is not None
        await served.state.flush(0, Flush("w", stored.flush_number, list(zip(customers, slab.stored(), strict=True))))
        await shown(client, "/model?segmentation=value", "One of 4 customers (25.0%) would move.")
        moved = rows((await client.get("/model?segmentation=value&as=csv&name=would_move")).text)
        assert moved[1:] == [[OTHER, SHADOW, "1", pseudonym("c-3")]]
        mix = rows((await client.get(f"/segments/{SEGMENT}?as=csv&name=mix")).text)
        assert mix[1:] == [[SHADOW, "value", "2", "1.0"]]
        mix = rows((await client.get(f"/segments/{SHADOW}?as=csv&name=mix")).text)
        assert mix[1:] == [[SEGMENT, "behaviour", "2", "0.6667"], [OTHER, "behaviour", "1", "0.3333"]]
        pairs = rows((await client.get("/model?segmentation=value&as=csv&name=pairs")).text)
        assert pairs[1:] == [[SHADOW, "3", SEGMENT, "2", "2"], ["value-bbbb", "1", OTHER, "2", "1"]]
        assert (await client.get("/model?segmentation=value&as=svg&name=shadow")).text.startswith("<svg")


@pytest.mark.asyncio
async def test_an_editor_promotes_a_shadow_after_a_confirmation_and_it_is_in_the_audit_log() -> None:
    async with served_console() as served:
        await publish(served, replace(SNAPSHOT, segmentation="value", segments=(SHADOW, "value-bbbb")))
        path = "/segmentations/value/promote"
        for role in ("viewer", "privacy"):
            async with served.logged_in(role) as client:
                page = (await client.get("/model?segmentation=value")).text
                assert "In shadow" in page
                assert path not in page
                token = token_of(page)
                refused = await client.post(path, data={"token": token, "confirm": "yes"}, headers={"Origin": ORIGIN})
                assert refused.status_code == 403
        async with served.logged_in("editor") as client:
            page = (await client.get("/model?segmentation=value")).text
            assert path in page
            token = token_of(page)
            for wrong, status in (({"token": token}, 422), ({"token": "0" * 64, "confirm": "yes"}, 403)):
                assert (await client.post(path, data=wrong, headers={"Origin": ORIGIN})).status_code == status
            assert await served.models.promoted() == {}
            right = {"token": token, "confirm": "yes"}
            done = await client.post(path, data=right, headers={"Origin": ORIGIN})
            assert (done.status_code, done.headers["location"]) == (303, "/model?segmentation=value")
            assert await served.models.promoted() == {"value": int(NOW) + 5}
            assert "becomes public, or is public already" in (await client.get("/model?segmentation=value")).text
            conflict = "/segmentations/behaviour/promote"  # it is public
            assert (await client.post(conflict, data=right, headers={"Origin": ORIGIN})).status_code == 409
            nowhere = "/segmentations/none/promote"
            assert (await client.post(nowhere, data=right, headers={"Origin": ORIGIN})).status_code == 404
    told = [(one.who, one.role, one.action, one.subject, one.before, one.after) for one in await served.audit.latest(9)]
    assert told == [("editor", "editor", "promote", "value", "shadow", "public")]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/", "/model", "/map", "/flows"])
async def test_a_shop_with_declared_segmentations_only_has_every_page(path: str) -> None:
    async with served_console(demo=True, learned={}) as served, served.client("127.0.0.1") as client:
        answer = await client.get(path)
        assert answer.status_code == 200
        assert ("No segmentation is learned here" in answer.text) == (path in {"/model", "/map"})
