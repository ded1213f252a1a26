"""Counts, members, preview, overlap and reasons of audiences, from all stored rows."""

import json
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.clustering.identity import code_of
from streamseg.errors import NotFoundError, SettingsError
from streamseg.features.layout import Layout
from streamseg.membership.types import Consent
from streamseg.pipeline import LiveAudiences, look_at_audiences
from streamseg.service import audiences
from streamseg.service.audience_reasons import audience_reasons
from streamseg.service.audience_survey import Group, Response, survey
from streamseg.service.overlap import hardly_responds, overlap_of
from streamseg.service.viability import Nearest, counts_of
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.wiring.declared_audiences import live_audiences
from tests.support.rows import DAY, NOON, Slab, click, consent, purchase
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of(audiences=4)
UNKNOWN = Consent(ads=False, personalisation=True, analytics=True)
CUSTOMERS = [f"c-{n}" for n in range(10)]
NOW = NOON + DAY


def audience(name: str, purpose: str = "ads", minimum_size: int = 4, **rule: Any) -> Audience:
    return Audience.model_validate(
        {"id": name, "name": name, "purpose": purpose, "minimum_size": minimum_size, "rule": rule}
    )


async def declared_by(models: MemoryModelStore) -> DeclaredAudiences:
    """Buyers: 0 to 4, of whom 0 and 1 consent to ads; all of them match `few`, but too few of them consent."""
    bought: dict[str, Any] = {"event": "purchase", "within": "2 days"}
    made = [
        audience("buyers", minimum_size=2, **bought),
        audience("few", minimum_size=3, **bought),
        audience("read", "content", **bought),
    ]
    return await audiences.declare(models, made, LAYOUT.audiences)


async def stage() -> tuple[MemoryStateStore, LiveAudiences]:
    state = MemoryStateStore()
    live, problems = live_audiences(LAYOUT, await declared_by(MemoryModelStore()))
    assert problems == []
    slab = Slab(LAYOUT, CUSTOMERS)
    slab.feed([click(NOON) for _ in CUSTOMERS], range(10))
    slab.feed([purchase(NOON + n) for n in range(5)], range(5))
    slab.feed([consent(NOON, ads=True) for _ in range(2)], range(2))
    slab.rows.segment[slab.all, 0] = [code_of("behaviour-aaaa" if n < 4 else "behaviour-bbbb") for n in range(10)]
    slab.rows.published_wall[slab.all] = [0 if n == 4 else 1 for n in range(10)]
    look_at_audiences(slab.rows, slab.all, NOW, live)
    await store_rows(state, LAYOUT, dict(zip(CUSTOMERS, slab.stored(), strict=True)), 0, 1)
    return state, live


async def test_counts_reconcile_and_small_audiences_are_not_exported() -> None:
    state, live = await stage()
    counts = counts_of(await survey(state, LAYOUT, live, UNKNOWN, event_clock=True))
    names = ("matched", "known", "consented", "exported", "is_too_small")
    found = {name: tuple(getattr(one, each) for each in names) for name, one in counts.items()}
    assert found == {"buyers": (5, 4, 2, 2, False), "few": (5, 4, 2, 0, True), "read": (5, 4, 4, 0, False)}
    assert counts["buyers"].dropped == {"not_known": 1, "no_consent": 2}
    assert counts["few"].dropped == {"not_known": 1, "no_consent": 2, "too_few": 2}
    assert counts["read"].dropped == {"not_known": 1, "not_for_ads": 4}
    assert all(one.exported + sum(one.dropped.values()) == one.matched for one in counts.values())


@pytest.mark.parametrize(("audience", "listed", "left_out"), [("few", 2, 3), ("read", 5, 0)])
async def test_members_who_consent_to_the_purpose_are_listed(audience: str, listed: int, left_out: int) -> None:
    """`few` is for ads, to which two of five consent; `read` for content, to which all do who gave no answer."""
    state, live = await stage()
    async with aclosing(audiences.members(state, LAYOUT, live, audience, UNKNOWN)) as pages:
        found = [page async for page in pages]
    assert sorted(one for page in found for one in page.members) == [(f"c-{n}", int(NOW)) for n in range(listed)]
    assert sum(page.without_consent for page in found) == left_out
    with pytest.raises(NotFoundError, match="there is no audience many"):
        await anext(audiences.members(state, LAYOUT, live, "many", UNKNOWN))


async def test_a_preview_counts_without_declaring() -> None:
    state, live = await stage()
    tried = live.declared.with_("quiet", audience("quiet", event="visit", none_within="1 day").written(), 4)
    wished, _ = live_audiences(LAYOUT, tried)
    (found,) = await audiences.previews(state, LAYOUT, wished, ["quiet"], event_clock=True)
    assert (found.customers, found.matched, found.unknown) == (10, 0, 0)
    (found,) = await audiences.previews(state, LAYOUT, wished, ["quiet"])  # years later
    assert (found.matched, found.segments) == (10, {"behaviour-aaaa": 4, "behaviour-bbbb": 6})
    assert len({one.pseudonym for one in found.examples}) == 10
    assert not {one.pseudonym for one in found.examples} & set(CUSTOMERS)
    assert found.examples[0].why == [{"asks": "visit within 1 day", "wanted": False}]
    assert "quiet" not in live.ids


async def test_an_audience_ends_with_its_date_in_a_preview_too() -> None:
    state, live = await stage()
    past = audience("past", event="visit").model_copy(update={"expires": audience_end()})
    wished, _ = live_audiences(LAYOUT, live.declared.with_("past", past.written(), 4))
    (found,) = await audiences.previews(state, LAYOUT, wished, ["past"])
    assert found.matched == 0


def audience_end() -> object:
    return Audience.model_validate(
        {"id": "a", "name": "a", "purpose": "ads", "rule": {"event": "visit"}, "expires": "2025-01-31"}
    ).expires


async def test_overlap_has_shares_both_ways_and_lift() -> None:
    state, live = await stage()
    found = overlap_of(await survey(state, LAYOUT, live, UNKNOWN, event_clock=True))
    first, second = (row for row in found.rows if row.audience == "buyers")
    assert (first.segment, first.both, first.share_of_audience, first.share_of_segment) == ("behaviour-aaaa", 4, 0.8, 1)
    assert first.lift == 2.0
    assert (second.segment, second.both, second.lift) == ("behaviour-bbbb", 1, round(0.2 / 0.6, 3))
    assert json.loads(json.dumps(asdict(found)))["customers"] == 10


async def test_combinations_count_each_customer_of_an_audience_once() -> None:
    state, models = MemoryStateStore(), MemoryModelStore()
    declared = [audience("seen", event="visit"), audience("bought", event="purchase")]
    live, _ = live_audiences(LAYOUT, await audiences.declare(models, declared, 4))
    slab = Slab(LAYOUT, CUSTOMERS)
    slab.feed([click(NOON) for _ in range(6)], range(6))
    slab.feed([purchase(NOON) for _ in range(4)], range(4, 8))
    slab.rows.published_wall[slab.all] = 1
    look_at_audiences(slab.rows, slab.all, NOW, live)
    await store_rows(state, LAYOUT, dict(zip(CUSTOMERS, slab.stored(), strict=True)), 0, 1)
    found = (await survey(state, LAYOUT, live, UNKNOWN, event_clock=True)).together
    assert found == {("seen",): 4, ("bought", "seen"): 4}


async def test_missed_are_outside_of_segments_alike_and_wasted_in_those_that_hardly_respond() -> None:
    state, models = MemoryStateStore(), MemoryModelStore()
    live, _ = live_audiences(LAYOUT, await audiences.declare(models, [audience("seen", event="visit")], 4))
    slab = Slab(LAYOUT, CUSTOMERS)
    slab.feed([click(NOON) for _ in range(5)], [0, 1, 2, 8, 9])
    slab.feed([purchase(NOON) for _ in range(5)], [3, 4, 5, 6, 7])
    slab.rows.last_purchase[slab.all[:8]] = [-np.inf] * 3 + [NOON] * 5
    slab.rows.last_click[slab.all[3:8]] = -np.inf
    slab.rows.segment[slab.all, 0] = [code_of("behaviour-aaaa" if n < 4 else "behaviour-bbbb") for n in range(10)]
    slab.rows.published_wall[slab.all] = 1
    slab.rows.entered[slab.all, 0] = [1, 1, 1, 0, 0, 0, 0, 0, 1, 1]
    slab.rows.audiences_as_of[slab.all, 0] = live.generation
    await store_rows(state, LAYOUT, dict(zip(CUSTOMERS, slab.stored(), strict=True)), 0, 1)
    found = overlap_of(await survey(state, LAYOUT, live, UNKNOWN))  # years later: nobody has bought lately
    assert [(one.missed, one.wasted) for one in found.rows] == [(1, 0), (0, 0)]
    at_noon = await survey(state, LAYOUT, live, UNKNOWN, event_clock=True)
    at_noon.all.bought = 5
    at_noon.groups[Group("behaviour", code_of("behaviour-aaaa"))].bought = 0
    at_noon.groups[Group("behaviour", code_of("behaviour-bbbb"))].bought = 5
    found = overlap_of(at_noon)
    assert [(one.segment, one.both, one.missed, one.wasted) for one in found.rows] == [
        ("behaviour-aaaa", 3, 1, 3),
        ("behaviour-bbbb", 2, 0, 0),
    ]
    (total,) = found.audiences
    assert (total.members, total.missed, total.wasted, total.is_too_small) == (5, 1, 3, True)
    assert "no data of campaigns" in found.response


async def test_coupons_make_a_segment_respond() -> None:
    everybody = Response(customers=100, bought=50, with_orders=60, coupons=6.0)
    silent = Response(customers=10, bought=1, with_orders=5, coupons=0.1)
    assert hardly_responds(silent, everybody)
    assert not hardly_responds(Response(customers=10, bought=3, with_orders=5, coupons=0.1), everybody)
    assert not hardly_responds(Response(customers=10, bought=1, with_orders=5, coupons=4.0), everybody)


async def test_viability_tells_age_and_the_nearest_audience() -> None:
    state, live = await stage()
    counts = counts_of(await survey(state, LAYOUT, live, UNKNOWN))
    assert counts["buyers"].nearest == Nearest("few", 1.0)
    assert (counts["buyers"].lasting_share, counts["buyers"].reachable_share) == (1.0, 0.4)
    fresh = counts_of(await survey(state, LAYOUT, live, UNKNOWN, event_clock=True))["buyers"]
    assert (fresh.lasting_share, fresh.median_days) == (0.0, 0)


async def test_reasons_say_what_holds_and_what_does_not() -> None:
    state, live = await stage()
    rows = await state.load(0, ["c-0", "c-9"])
    inside, outside = (
        audience_reasons(LAYOUT, customer, row or b"", live, NOW)["buyers"]
        for customer, row in zip(("c-0", "c-9"), rows, strict=True)
    )
    ends = int(NOON + 2 * DAY)
    asks = {"asks": "purchase within 2 days", "wanted": True, "value": None}
    inside_until = {"member": True, "since": int(NOW), "until": ends}
    assert inside == inside_until | {"clauses": [[asks | {"is": True, "until": ends}]]}
    outside_asks = asks | {"is": False, "until": None}
    assert outside == {"member": False, "since": None, "until": None, "clauses": [[outside_asks]]}


async def test_reasons_have_values_and_the_moment_of_change() -> None:
    layout = Layout.of(audiences=4, tracked={"purchase": 3}, spent_days=20)
    rules: dict[str, Any] = {
        "regulars": {"event": "purchase", "at_least": 2, "within": "3 days"},
        "spenders": {"spent": 30, "within": "2 days"},
        "quiet": {"all": [{"event": "visit"}, {"event": "visit", "none_within": "5 days"}]},
        "heavy": {"feature": "transactions", "at_least": 2},
    }
    declared = DeclaredAudiences()
    for name, rule in rules.items():
        declared = declared.with_(name, audience(name, **rule).written(), 4)
    live, problems = live_audiences(layout, declared)
    assert problems == []
    slab = Slab(layout, ["c-0"])
    slab.feed([purchase(NOON, value=25.0)], [0])
    slab.feed([purchase(NOON + DAY, value=20.0)], [0])
    look_at_audiences(slab.rows, slab.all, NOON + DAY, live)
    (row,) = slab.stored()
    found = audience_reasons(layout, "c-0", row, live, NOON + DAY)
    regulars, spenders, quiet, heavy = (found[name] for name in rules)
    assert (regulars["member"], regulars["until"]) == (True, int(NOON + 3 * DAY))
    assert regulars["clauses"][0][0]["value"] == 2
    midnight = int(NOON + 1.5 * DAY)
    assert (spenders["member"], spenders["until"], spenders["clauses"][0][0]["value"]) == (True, midnight, 45.0)
    assert (quiet["member"], quiet["until"]) == (False, int(NOON + 6 * DAY))
    assert [(one["wanted"], one["is"], one["until"]) for one in quiet["clauses"][0]] == [
        (True, True, None),
        (False, True, int(NOON + 6 * DAY)),
    ]
    assert (heavy["member"], heavy["until"], heavy["clauses"][0][0]["value"]) == (True, None, 2.0)
    dutch = audience_reasons(layout, "c-0", row, live, NOON + DAY, language="nl")
    assert dutch["regulars"]["clauses"][0][0]["asks"] == "aankoop minstens 2 keer in de laatste 3 dagen"


async def test_two_who_declare_at_once_both_succeed() -> None:
    class Contended(MemoryModelStore):
        async def declare(self, generation: int, parent: int, audiences_: bytes) -> bool:
            if parent == 0 and not self.lost:
                self.lost = True
                await super().declare(1, 0, DeclaredAudiences().with_("other", one.written(), 4).encode())
            return await super().declare(generation, parent, audiences_)

        lost = False

    one, models = audience("mine", event="visit"), Contended()
    after = await audiences.declare(models, [one], 4)
    assert [each.id for each in after.live] == ["mine", "other"]
    assert await audiences.read_declared(models) == after
    await audiences.drop(models, "mine")
    with pytest.raises(SettingsError, match="was dropped, and its id does not come back"):
        await audiences.declare(models, [one], 4)
    assert np.all([each.id == "other" for each in (await audiences.read_declared(models)).live])


async def test_a_worker_with_fewer_columns_leaves_what_has_none_alone() -> None:
    declared = await declared_by(MemoryModelStore())
    live, problems = live_audiences(Layout.of(audiences=2), declared)
    assert live.ids == ("buyers", "few")
    assert problems == ["audience read: setting audiences.most is 2 here, and it was declared with more"]
