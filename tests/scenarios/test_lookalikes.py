"""A look-alike of half of a true group finds the other half. Issue 16."""

from collections.abc import Callable
from typing import Any

import pytest
from river import linear_model

from streamseg.clustering.likeness.models import Lookalikes
from streamseg.clustering.likeness.seed_samples import is_held_out
from streamseg.evaluation.event_stream import EventStream, fitgear
from streamseg.evaluation.shops import simulated
from streamseg.features.catalogue import catalogue
from streamseg.service.lookalike_reports import lookalike_reports
from streamseg.time_units import DAY_SECONDS
from tests.support.lookalike_shop import SEED, LookalikeShop

pytestmark = pytest.mark.slow

ENDS_AT = 1_700_000_000.0


def fitgear_shop() -> EventStream:
    return fitgear(0, 800, 90, ENDS_AT)


def grocery_shop() -> EventStream:
    return simulated("grocery", "sudden", 0, customers=1_000, days=120, ends_at=ENDS_AT)


def rules(size: int) -> dict[str, Any]:
    return {"seed": SEED, "alike": {"lookalike": "seed", "size": size}}


@pytest.mark.parametrize(("stream", "group"), [(fitgear_shop, "Window Shoppers"), (grocery_shop, "Top-up singles")])
def test_half_of_a_group_finds_the_other_half(stream: Callable[[], EventStream], group: str) -> None:
    shop = LookalikeShop(stream(), group)
    asked = rules(shop.true_size)
    before = shop.look(asked, Lookalikes())
    assert before == {"seed": shop.seed, "alike": set()}, "unknown before it is learned, and so is its opposite"
    published = shop.learned()
    found = shop.look(asked, published)["alike"]
    assert not found & shop.seed
    assert abs(len(found) - shop.true_size) <= 0.05 * shop.true_size + 1
    assert shop.precision(found) >= 0.8

    shop.now += 60 * DAY_SECONDS
    assert shop.look(asked, published)["alike"] != found, "features fade in silence, and a sweep looks again"

    assert shop.live is not None
    (report,) = lookalike_reports(shop.live, catalogue(shop.layout))["alike"]
    assert report.held_out == sum(map(is_held_out, shop.seed))
    assert report.recall >= report.recall_nearest > 2 * report.recall_random
    assert report.lift == pytest.approx(report.recall / report.recall_random)
    assert report.carried_by[0].part > 0.1


def test_without_rivers_steps_nobody_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_model.LogisticRegression, "learn_one", lambda *_, **__: None)
    shop = LookalikeShop(fitgear_shop(), "Window Shoppers")
    asked = rules(shop.true_size)
    shop.look(asked, Lookalikes())
    found = shop.look(asked, shop.learned())["alike"]
    assert shop.precision(found) < 0.4, "all are equally alike"


def test_nothing_is_learned_of_those_held_out() -> None:
    """Their vectors are replaced by nonsense: the weights stay, and the report does not."""
    learned = []
    for nonsense in (False, True):
        shop = LookalikeShop(fitgear_shop(), "Window Shoppers")
        shop.look(rules(shop.true_size), Lookalikes())
        scale = shop.worker.learner.measured_scale()
        assert scale is not None
        (learner,) = shop.training._learners.values()
        if nonsense:
            for group in (learner.samples.members, learner.samples.others):
                for sample in group.samples():
                    if is_held_out(sample.customer_id):
                        group.keep(sample, tuple(0.0 for _ in sample.vector))
        assert learner.refit(scale, 1.0)
        learned.append(learner.published())
    assert learned[0].weights == learned[1].weights
    assert learned[0].curve != learned[1].curve
