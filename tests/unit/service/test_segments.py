"""The catalogue, its history and its names are read and changed without a worker."""

import json
from dataclasses import replace
from typing import Any

import pytest

from streamseg.clustering.lineage import Lineage
from streamseg.errors import NotFoundError
from streamseg.service.segments import read_catalogue, read_lineage, read_waiting, rename
from streamseg.store.memory import MemoryModelStore
from tests.support.partition import SNAPSHOT

pytestmark = pytest.mark.asyncio


async def models_with(**entry: Any) -> MemoryModelStore:
    models = MemoryModelStore()
    await models.write_catalogue({"behaviour-k7q2": json.dumps({"label": "Daily Athletes"} | entry).encode()})
    return models


async def test_the_catalogue_is_decoded_by_segment_id() -> None:
    models = await models_with(retired=5)
    assert await read_catalogue(models) == {"behaviour-k7q2": {"label": "Daily Athletes", "retired": 5}}


async def test_the_lineage_of_all_segmentations_is_in_order_of_time() -> None:
    models = MemoryModelStore()
    births = {"behaviour": Lineage(30.0, "emerge", "behaviour-k7q2"), "value": Lineage(20.0, "emerge", "value-m3xw")}
    for name, birth in births.items():
        snapshot = replace(SNAPSHOT, segmentation=name, lineage=(birth,))
        await models.publish(name, 1, 0, snapshot.to_json())
    found = await read_lineage(models, ["behaviour", "value", "not-learned-yet"])
    assert [(one["segmentation"], one["at"], one["transition"]) for one in found] == [
        ("value", 20.0, "emerge"),
        ("behaviour", 30.0, "emerge"),
    ]


async def test_segmentations_without_segments_are_waiting() -> None:
    """Issue 13, item 21."""
    models, cold = MemoryModelStore(), replace(SNAPSHOT, segmentation="value", centres=(), segments=())
    await models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    await models.publish("value", 1, 0, cold.to_json())
    assert await read_waiting(models, ["behaviour", "value", "not-learned-yet"]) == {
        "value": cold,
        "not-learned-yet": None,
    }


async def test_a_name_replaces_the_generated_label_until_it_is_cleared() -> None:
    models = await models_with()
    named = await rename(models, "behaviour-k7q2", "Our best")
    assert named == {
        "id": "behaviour-k7q2",
        "label": "Our best",
        "generated_label": "Daily Athletes",
        "given_name": "Our best",
    }
    assert (await read_catalogue(models))["behaviour-k7q2"]["label"] == "Our best"
    assert await models.names() == {"behaviour-k7q2": "Our best"}
    again = await rename(models, "behaviour-k7q2", "Favourites")
    assert (again["label"], again["generated_label"]) == ("Favourites", "Daily Athletes")
    cleared = await rename(models, "behaviour-k7q2", None)
    assert (cleared["label"], cleared["generated_label"]) == ("Daily Athletes", "Daily Athletes")
    assert await models.names() == {}


async def test_an_unknown_segment_cannot_be_named() -> None:
    models = await models_with()
    with pytest.raises(NotFoundError, match="no segment behaviour-m3xw"):
        await rename(models, "behaviour-m3xw", "Our best")
    assert await models.names() == {}
