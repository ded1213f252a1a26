"""ModelCache in a worker: those of other settings stop the start, and are said once when they come later."""

import logging
import math
from dataclasses import replace
from functools import partial

import pytest

from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import SettingsError
from streamseg.features.layout import Layout
from streamseg.metrics import Metrics
from streamseg.pipeline import Segmentation
from streamseg.store.memory import MemoryModelStore
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.worker.model_cache import ModelCache
from tests.support.declared import STATUS
from tests.support.shoppers import FEATURES, learner, run


def models(store: MemoryModelStore, features: tuple[str, ...]) -> ModelCache:
    return ModelCache(store, [Segmentation("behaviour", features, 0.05, 2, 86_400.0)], Metrics())


async def publish(store: MemoryModelStore, days: int) -> None:
    model = learner()
    for day in range(days):
        run(model, range(day, day + 1))
        snapshot = model.snapshot()
        await store.publish("behaviour", snapshot.version, snapshot.parent, snapshot.to_json())


@pytest.mark.asyncio
async def test_a_model_of_other_features_stops_the_start_with_the_setting_and_the_way_out() -> None:
    store = MemoryModelStore()
    await publish(store, 2)
    with pytest.raises(SettingsError, match=r"segmentations\.behaviour\.features: .* in shadow, and promote it"):
        await models(store, ("spend", "views")).check()
    await models(store, FEATURES).check()


@pytest.mark.asyncio
async def test_a_model_of_other_features_that_comes_later_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryModelStore()
    ours = models(store, ("spend", "views"))
    await ours.check()
    await publish(store, 2)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await ours.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        "model behaviour was learned from other features than the settings name: ignored"
    ]
    assert ours.segmentations[0].assigner is None


@pytest.mark.asyncio
async def test_a_backfill_is_relearned_when_the_models_of_all_segmentations_say_so() -> None:
    store = MemoryModelStore()
    rules = [Segmentation(name, FEATURES, 0.05, 2, 86_400.0) for name in ("behaviour", "value")]
    ours = ModelCache(store, rules, Metrics())
    trained = [learner(segmentation=one.name) for one in rules]
    for number, one in enumerate(trained):
        run(one, range(2))
        one.end_backfill(3, 7.0, 0.0, 9_999)
        one.relearn()
        snapshot = one.snapshot()
        await store.publish(rules[number].name, snapshot.version, snapshot.parent, snapshot.to_json())
        await ours.refresh()
        assert ours.relearned_at(3) == (7.0 if number else 0.0)
    assert ours.relearned_at(4) == 0.0
    assert ours.relearned == 2


async def shown_of(snapshot: Snapshot) -> dict[str, float]:
    """The gauges of a cache that has taken the model, by the end of their names."""
    store, metrics = MemoryModelStore(), Metrics()
    await store.publish("behaviour", snapshot.version, snapshot.parent, snapshot.to_json())
    await ModelCache(store, [Segmentation("behaviour", FEATURES, 0.05, 2, 86_400.0)], metrics).refresh()
    families = [each for each in metrics.registry.collect() if each.name.startswith("streamseg_model_")]
    return {one.name.removeprefix("streamseg_model_"): one.value for each in families for one in each.samples}


@pytest.mark.asyncio
async def test_the_model_in_use_is_shown() -> None:
    model = learner()
    run(model, range(5))
    taken = replace(model.snapshot(), parent=0, drift_per_round=0.25)
    assert await shown_of(taken) == {
        "version": taken.version,
        "warm_up_ratio": 1.0,
        "learned_until_timestamp_seconds": taken.learned_until,
        "distance": taken.drift[-1],
        "drift_ratio": 0.25,
    }


@pytest.mark.asyncio
async def test_the_way_to_the_first_model_is_shown() -> None:
    cold = learner(warm_up_per_cluster=60)
    run(cold, range(1))
    taken = cold.snapshot()
    assert not taken.warm
    assert 0.0 < taken.progress < 1.0
    assert (await shown_of(taken))["warm_up_ratio"] == taken.progress


@pytest.mark.asyncio
@pytest.mark.parametrize("before_the_start", [True, False])
async def test_nothing_is_shown_of_a_dropped_segmentation(*, before_the_start: bool) -> None:
    """Its model learns no more: `StreamsegModelStale` would fire for ever."""
    store = MemoryModelStore()
    await publish(store, 2)
    metrics = Metrics()
    ours = ModelCache(store, [Segmentation("behaviour", FEATURES, 0.05, 2, 86_400.0)], metrics)

    def shown() -> set[str]:
        samples = [one for metric in metrics.registry.collect() for one in metric.samples]
        return {one.name for one in samples if one.labels.get("segmentation") == "behaviour"}

    if not before_the_start:
        await ours.check()
        assert "streamseg_model_learned_until_timestamp_seconds" in shown()
    await store.drop("behaviour", 1_000)
    await ours.refresh()
    assert not shown()


@pytest.mark.asyncio
async def test_rules_are_compiled_at_the_start_and_again_without_a_dropped_segmentation() -> None:
    layout = Layout.of(segmentations=("behaviour", "status"), audiences=1)
    store, compile_ = MemoryModelStore(), partial(live_audiences, layout, segmentations={"status": STATUS})
    both = [Segmentation("behaviour", FEATURES, 0.05, 2, 86_400.0), Segmentation("status", declared=True)]
    ours = ModelCache(store, both, Metrics(), compile_audiences=compile_)
    await ours.refresh()
    assert ours.audiences is not None
    assert [one.segmentation for one in ours.audiences.rules.segmentations] == ["status"]
    assert ours.generation == 1, "everybody is looked at"
    await ours.refresh()
    assert ours.generation == 1
    await store.drop("status", 1)
    await ours.refresh()
    assert ours.audiences.rules.segmentations == ()
    assert ours.relearned_at(0) == 0.0, "the other one is learned"


@pytest.mark.asyncio
async def test_where_nothing_is_learned_no_backfill_waits_for_a_model() -> None:
    layout = Layout.of(segmentations=("status",), audiences=1)
    compile_ = partial(live_audiences, layout, segmentations={"status": STATUS})
    ours = ModelCache(
        MemoryModelStore(), [Segmentation("status", declared=True)], Metrics(), compile_audiences=compile_
    )
    await ours.refresh()
    assert ours.relearned_at(0) == math.inf


@pytest.mark.asyncio
async def test_a_name_under_which_a_model_was_learned_is_no_name_for_rules() -> None:
    store = MemoryModelStore()
    await publish(store, 2)
    with pytest.raises(SettingsError, match=r"segmentations\.behaviour\.rules: a model was learned under this name"):
        await ModelCache(store, [Segmentation("behaviour", declared=True)], Metrics()).check()
