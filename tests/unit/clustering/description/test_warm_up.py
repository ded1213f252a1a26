"""The line that says what is missing until there are segments. Issue 13, item 21."""

from dataclasses import replace

import pytest

from streamseg.clustering.description.warm_up import facts
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.language import languages
from streamseg.language.waiting_text import missing
from streamseg.packs import pack
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import day_of_samples, learner

DAY_0 = 1_717_372_800.0
"""3 June 2024, 00:00 UTC."""


def shop(customers: int, events: int, *, k: int = 5, days: int = 1) -> Learner:
    model = learner(k=k, warm_up_per_cluster=20, warm_up_events=20)
    for day in range(days):
        for n, one in enumerate(day_of_samples(day, customers, events=events)):
            model.learn(Sample(one.customer_id, DAY_0 + one.at, one.vector, events), day * 1000 + n)
    return model


@pytest.mark.parametrize(
    ("model", "line"),
    [
        pytest.param(shop(0, 0), "segments come when customers are sampled (none so far)", id="nobody"),
        pytest.param(
            shop(41, 7),
            "segments come when 100 customers are sampled (41 so far) and their median has 20 events (7 so far),"
            " at the latest on 2024-06-17",
            id="customers and events",
        ),
        pytest.param(
            shop(100, 7),
            "segments come when the median sampled customer has 20 events (7 so far), at the latest on 2024-06-17",
            id="events",
        ),
        pytest.param(
            shop(99, 20),
            "segments come when 100 customers are sampled (99 so far), at the latest on 2024-06-17",
            id="customers",
        ),
        pytest.param(
            shop(24, 20),
            "segments come when 100 customers are sampled (24 so far), from 2024-06-17 on when 25 are sampled",
            id="too few also later",
        ),
        pytest.param(
            shop(19, 7, k=1),
            "segments come when 20 customers are sampled (19 so far) and their median has 20 events"
            " (7 so far), from 2024-06-17 on with any number of events",
            id="few clusters",
        ),
        pytest.param(shop(19, 20, k=1), "segments come when 20 customers are sampled (19 so far)", id="one customer"),
        pytest.param(
            shop(1000, 7, k=64),
            "segments come when 1,280 customers are sampled (1,000 so far) and their median has 20 events (7 so far),"
            " at the latest on 2024-06-17",
            id="many clusters",
        ),
        pytest.param(
            shop(24, 20, days=15), "segments come when 25 customers are sampled (24 so far)", id="after 14 days"
        ),
        pytest.param(shop(100, 20), "segments come with the next samples", id="nothing"),
    ],
)
def test_one_line_says_what_is_missing(model: Learner, line: str) -> None:
    assert missing(Snapshot.from_json(model.snapshot().to_json())) == line


def test_one_line_says_that_customers_are_alike() -> None:
    model = learner(k=5, warm_up_per_cluster=20, warm_up_events=1)
    for n in range(100):
        model.learn(Sample(f"c-{n}", float(n), (1.0, 0.0, 0.0, 0.0), 1), n)
    assert model.challenge_due()
    assert model.challenge() is None
    assert missing(model.snapshot()) == "segments come when sampled customers differ (all 100 are alike so far)"
    restored = Learner.restore(Snapshot.from_json(model.snapshot().to_json()), model.params)
    assert restored.snapshot() == model.snapshot()


def test_without_a_snapshot_nobody_was_sampled() -> None:
    assert missing(None) == missing(shop(0, 0).snapshot())


def test_the_facts_are_plain_values() -> None:
    assert facts(shop(41, 7).snapshot()) == {
        "customers": 41,
        "customers_needed": 100,
        "median_events": 7.0,
        "events_needed": 20,
        "ends_at": DAY_0 + 14 * DAY_SECONDS,
        "customers_needed_late": 25,
        "customers_alike": False,
    }


def test_the_line_names_what_a_segmentation_lives_on_while_data_are_missing() -> None:
    """Issue 14, number 5: a pack says in one line what it needs, and fits no noise. Other events may be there."""
    needs = "profiles with age or gender"
    assert missing(None, needs) == "segments come when customers are sampled (none so far); it needs " + needs
    alike = replace(shop(30, 5).snapshot(), customers_alike=True)
    assert missing(alike, needs).endswith("are alike so far); it needs " + needs)
    for waiting in (shop(30, 5), shop(200, 7), shop(41, 20)):
        assert missing(waiting.snapshot(), needs) == f"{missing(waiting.snapshot())}; it needs {needs}"
    late = replace(shop(3, 5).snapshot(), learned_until=DAY_0 + 15 * DAY_SECONDS)
    assert missing(late, needs).endswith("; it needs " + needs)
    assert "it needs" not in missing(shop(200, 20).snapshot(), needs), "the data are there"


@pytest.mark.parametrize("language", languages())
def test_the_line_is_in_the_language_of_the_reader(language: str) -> None:
    line = missing(shop(1_000, 7, k=64).snapshot(), language=language)
    assert "2024-06-17" in line
    assert all(count in line for count in ("280", "000", "20", "7")), line
    assert ("segments come" in line) == (language == "en")
    needs = pack("geographic").needs[language]
    assert missing(None, needs, language).endswith(needs)
