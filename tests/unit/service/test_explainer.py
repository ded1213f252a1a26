"""An explanation is about the published segment, by the current snapshot, or empty."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.lists.content import LoadedList
from streamseg.clustering.description.rfm import RfmBorders
from streamseg.clustering.encode import Scale
from streamseg.clustering.handover import Handover
from streamseg.clustering.identity import id_of
from streamseg.clustering.likeness.models import Lookalikes
from streamseg.clustering.population import Population
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import LayoutMismatchError
from streamseg.features.layout import Layout
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, SegmentMembership
from streamseg.pipeline import LiveAudiences
from streamseg.service.explainer import Explainer
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.wiring.declared_audiences import rules_to_explain
from tests.support.declared import segment_rules
from tests.support.partition import FEATURES, SNAPSHOT
from tests.support.rows import NOON, Slab, click, purchase
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of()
NOW = int(NOON) + 100
OWN = SNAPSHOT.segments[1]

Explain = Callable[[bytes], Awaitable[dict[str, Any]]]


def membership(segment: str | None, customer_id: str = "c-81") -> bytes:
    published = None if segment is None else SegmentMembership(segment, NOW - 50, 0.83)
    consents = Consent(ads=True, personalisation=True)
    return encode(Membership(customer_id, 7, 1, NOW, {"behaviour": 4}, {"behaviour": published}, consents))


@pytest.fixture
def state() -> MemoryStateStore:
    return MemoryStateStore()


@pytest.fixture
def explain(state: MemoryStateStore) -> Explain:
    """Explains with the fixed snapshot, of which only the published version may differ."""

    async def explained(of: bytes) -> dict[str, Any]:
        models = MemoryModelStore()
        await models.publish("behaviour", 9, 0, replace(SNAPSHOT, version=9).to_json())
        return await Explainer(state, models, lambda: LAYOUT, lambda _, partitions: partitions - 1).explain(of)

    return explained


async def put_row(state: MemoryStateStore, layout: Layout = LAYOUT) -> None:
    slab = Slab(layout, ("c-81",))
    slab.feed([click(NOON) for _ in range(5)])
    slab.feed([purchase(NOON)])
    await store_rows(state, layout, {}, 0, 2)
    await store_rows(state, layout, {"c-81": slab.stored()[0]}, 1, 2)


async def test_the_published_segment_is_explained_by_the_current_snapshot(
    state: MemoryStateStore, explain: Explain
) -> None:
    await put_row(state)
    why = (await explain(membership(OWN)))["behaviour"]
    assert (why["segment"], why["since"], why["as_of"]) == (OWN, NOW - 50, NOW)
    assert (why["separation"], why["model"], why["version"]) == (0.83, 4, 9)
    assert why["confidence"] == why["separation"], "issue 13, item 21: kept as the old name"
    assert why["runner_up"] in set(SNAPSHOT.segments) - {OWN}
    assert {pull["feature"] for pull in why["pulls"]} == set(FEATURES)
    assert why["rfm"] is None, "the shop has no borders yet"


async def test_a_pull_says_whether_the_customer_has_data_of_their_own(state: MemoryStateStore) -> None:
    """Issue 14, number 2: no prior speaks."""
    await put_row(state)
    models = MemoryModelStore()
    features = ("views", "coupon_share", "cart_to_purchase")
    zeros = tuple((0.1 * n,) * 3 for n in range(4))
    other = replace(
        SNAPSHOT, features=features, skewed=(True, False, False), scale=Scale.of([1.0] * 3, [1.0] * 3), centres=zeros
    )
    await models.publish("behaviour", 1, 0, other.to_json())
    found = await Explainer(state, models, lambda: LAYOUT, lambda _, partitions: partitions - 1).explain(
        membership(OWN)
    )
    known = {pull["feature"]: pull["known"] for pull in found["behaviour"]["pulls"]}
    assert known == {"views": True, "coupon_share": True, "cart_to_purchase": False}, "one order without a coupon"


@pytest.mark.parametrize(("days", "is_known"), [(1.0, True), (200.0, False)])
async def test_people_are_told_what_was_observed_and_nothing_that_is_mostly_assumed(
    state: MemoryStateStore, days: float, *, is_known: bool
) -> None:
    """Of a buyer of long ago models compare a typical order, 60 EUR."""
    slab, models = Slab(LAYOUT, ("c-81",)), MemoryModelStore()
    slab.feed([purchase(NOON - days * 86_400.0, 20.0)])
    await store_rows(state, LAYOUT, {}, 0, 2)
    await store_rows(state, LAYOUT, {"c-81": slab.stored()[0]}, 1, 2)
    centres = tuple((0.1 * n,) for n in range(4))
    scale = Scale.of([1.0], [1.0])
    of_orders = replace(SNAPSHOT, features=("order_value",), skewed=(True,), scale=scale, centres=centres)
    await models.publish("behaviour", 1, 0, of_orders.to_json())
    explainer = Explainer(state, models, lambda: LAYOUT, lambda _, partitions: partitions - 1)
    (told,) = (await explainer.explain(membership(OWN)))["behaviour"]["pulls"]
    assert (told["known"], told["observed"]) == (is_known, pytest.approx(20.0, rel=0.01))
    assert told["value"] > 30.0


CLOSING = replace(
    SNAPSHOT, handover=Handover((*SNAPSHOT.segments, "behaviour-zzzz"), ((0.0,) * 4,) * 5, NOON, NOON + 7 * 86_400)
)
ALONE = replace(SNAPSHOT, segments=(OWN,), centres=SNAPSHOT.centres[:1])


@pytest.mark.parametrize(
    ("snapshot", "segment", "said"),
    [
        (CLOSING, "behaviour-zzzz", {"not_compared": "closing", "closes": int(NOON) + 7 * 86_400}),
        (SNAPSHOT, "behaviour-zzzz", {"not_compared": "ended"}),
        (ALONE, OWN, {"not_compared": "alone"}),
    ],
)
async def test_a_segment_that_is_compared_with_no_other_says_why(
    state: MemoryStateStore, snapshot: Snapshot, segment: str, said: dict[str, Any]
) -> None:
    """Issue 14: `lookup --why` said nothing at all of a segment that is closing."""
    await put_row(state)
    models = MemoryModelStore()
    await models.publish("behaviour", 1, 0, replace(snapshot, version=1).to_json())
    explainer = Explainer(state, models, lambda: LAYOUT, lambda _, partitions: partitions - 1)
    why = (await explainer.explain(membership(segment)))["behaviour"]
    assert why == why | said | {"segment": segment, "runner_up": None, "pulls": []}


@pytest.mark.parametrize("of", [membership(None), membership(OWN, "c-82")])
async def test_unassigned_and_rowless_are_not_explained(state: MemoryStateStore, explain: Explain, of: bytes) -> None:
    await put_row(state)
    assert await explain(of) == {}


async def test_nothing_is_explained_before_a_worker_has_started(explain: Explain) -> None:
    assert await explain(membership(OWN)) == {}


async def test_rows_of_another_set_of_segmentations_are_explained(state: MemoryStateStore, explain: Explain) -> None:
    await put_row(state, Layout.of(segmentations=("behaviour", "value")))
    assert set(await explain(membership(OWN))) == {"behaviour"}


async def test_a_row_of_an_unreadable_layout_is_an_error(state: MemoryStateStore, explain: Explain) -> None:
    await put_row(state, Layout.of(half_life_days=3))
    with pytest.raises(LayoutMismatchError):
        await explain(membership(OWN))


async def test_a_customer_has_one_rfm_name_in_every_segmentation(state: MemoryStateStore) -> None:
    """Issue 14, number 1: also where a segmentation compares neither recency nor spend."""
    layout = Layout.of(segmentations=("behaviour", "value"))
    await put_row(state, layout)
    models = MemoryModelStore()
    await models.publish("behaviour", 9, 0, replace(SNAPSHOT, version=9).to_json())
    value = replace(SNAPSHOT, segmentation="value", segments=tuple(id_of("value", n) for n in range(1, 5)))
    await models.publish("value", 1, 0, value.to_json())
    borders = RfmBorders((1.0, 5.0, 9.0, 20.0), (1.0, 2.0, 3.0, 4.0), (10.0, 20.0, 30.0, 40.0), 100, NOON)
    await models.write_rfm(borders.to_json())
    segments = {
        "behaviour": SegmentMembership(OWN, NOW - 50, 0.8),
        "value": SegmentMembership(id_of("value", 2), 1, 0.5),
    }
    of = encode(Membership("c-81", 7, 1, NOW, {}, dict(segments), Consent(ads=True, personalisation=True)))
    found = await Explainer(state, models, lambda: layout, lambda _, partitions: partitions - 1).explain(of)
    assert set(found) == {"behaviour", "value"}
    assert {str(one["rfm"]) for one in found.values()} == {
        str({"recency": 5, "frequency": 1, "monetary": 5, "name": "New Customers"})
    }


@pytest.mark.parametrize(
    ("rule", "value"),
    [("transactions >= 1", 0.0), ("lifetime_spend > 0", 0.0), ("purchase_recency < 9", None), ("events >= 9", 5.0)],
)
async def test_a_declared_group_is_explained_by_its_rule_and_what_the_customer_has(
    state: MemoryStateStore, rule: str, value: float | None
) -> None:
    slab = Slab(LAYOUT, ("c-81",))
    slab.feed([click(NOON) for _ in range(5)])
    await store_rows(state, LAYOUT, {"c-81": slab.stored()[0]}, 0, 1)
    of = membership("behaviour-outside")
    rules = {"behaviour": Population.parse(rule)}
    explainer = Explainer(state, MemoryModelStore(), lambda: LAYOUT, lambda *_: 0, lambda: rules)
    found = (await explainer.explain(of))["behaviour"]
    assert found["declared"] == {
        "by": "population", "rule": rule, "figure": rule.split(maxsplit=1)[0], "value": value
    }  # fmt: skip
    assert (found["segment"], found["pulls"], found["runner_up"]) == ("behaviour-outside", [], None)
    without = Explainer(state, MemoryModelStore(), lambda: LAYOUT, lambda *_: 0)
    assert await without.explain(of) == {}, "the rule was taken away"


async def test_a_declared_segment_is_explained_by_all_rules_down_to_the_one_that_holds(state: MemoryStateStore) -> None:
    layout = Layout.of(audiences=1)
    slab = Slab(layout, ("c-81",))
    slab.feed([click(NOON)])
    await store_rows(state, layout, {"c-81": slab.stored()[0]}, 0, 1)
    rules = segment_rules(buyer={"event": "purchase"}, keen={"feature": "events", "at_least": 5}, prospect=None)
    explainer = Explainer(
        state, MemoryModelStore(), lambda: layout, lambda *_: 0, rules=rules_to_explain(layout, {"behaviour": rules})
    )
    found = (await explainer.explain(membership("behaviour-prospect")))["behaviour"]
    told = {"wanted": True, "is": False, "until": None}
    asks = [
        {"segment": "behaviour-buyer", "clauses": [[{"asks": "purchase ever", "value": None} | told]]},
        {
            "segment": "behaviour-keen",
            "clauses": [[{"asks": "events >= 5", "value": 1.0} | told]],
        },
        {"segment": "behaviour-prospect", "clauses": [[]]},
    ]
    assert found["declared"] == {"by": "rules", "rules": asks}
    found = (await explainer.explain(membership("behaviour-keen")))["behaviour"]
    assert found["declared"] == {"by": "rules", "rules": asks[:2]}


async def test_rules_of_declared_segmentations_are_given_the_published_look_alikes(state: MemoryStateStore) -> None:
    layout, given, models = Layout.of(audiences=1), list[int](), MemoryModelStore()
    slab = Slab(layout, ("c-81",))
    slab.feed([click(NOON)])
    await store_rows(state, layout, {"c-81": slab.stored()[0]}, 0, 1)
    prepare = rules_to_explain(layout, {"behaviour": segment_rules(prospect=None)})
    assert prepare is not None

    def noted(declared: DeclaredAudiences, lists: Mapping[str, LoadedList], published: Lookalikes) -> LiveAudiences:
        given.append(published.version)
        return prepare(declared, lists, published)

    assert await models.publish_lookalikes(7, 0, Lookalikes(7).encode())
    explainer = Explainer(state, models, lambda: layout, lambda *_: 0, rules=noted)
    assert (await explainer.explain(membership("behaviour-prospect")))["behaviour"]["declared"]["by"] == "rules"
    assert given == [7]
