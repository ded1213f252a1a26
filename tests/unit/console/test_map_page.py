"""The map of the customers: published by the trainer, drawn with the names of the segments. Issue 17."""

import csv
import io
import json
from html import unescape
from itertools import pairwise

import pytest

from streamseg.clustering.customer_map import CustomerMap
from streamseg.console.charts.alluvial import Band, alluvial
from streamseg.console.charts.customer_chart import customer_map
from streamseg.store.memory import MemoryModelStore
from streamseg.worker.trainer.customer_maps import CustomerMaps
from tests.support.console import NOW, OTHER, SEGMENT, entry, served_console, shown
from tests.support.shoppers import learner, run

MAP = CustomerMap(
    version=7,
    at=NOW,
    features=("clicks", "weekend_share"),
    axes=((0.8, -0.6), (0.6, 0.8)),
    spread=(0.5, 0.25),
    segments=(SEGMENT, OTHER),
    centres=((1.0, 2.0), (-1.0, 0.0)),
    customers=("aa", "bb", "cc"),
    points=((1.1, 2.1), (0.9, 1.8), (-1.2, 0.1)),
    nearest=(0, 0, 1),
)


@pytest.mark.asyncio
async def test_points_have_the_segment_and_its_persona_and_no_pseudonym() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_customer_map("behaviour", MAP.to_json())
        await served.models.write_catalogue({SEGMENT: entry("Weekend shoppers", persona=[{"key": "by_rest"}])})
        await shown(client, "/map", "Customers by how they behave")
        spec = json.loads((await client.get("/map?as=json&name=map")).text)
        points, names = (spec["layer"][place]["data"]["values"] for place in (0, 1))
        assert [(one["x"], one["segment"]) for one in points] == [
            (1.1, "Weekend shoppers"),
            (0.9, "Weekend shoppers"),
            (-1.2, "=Night owls"),
        ]
        assert points[0]["text"] != points[2]["text"]
        assert [one["segment"] for one in names] == ["Weekend shoppers", "=Night owls"]
        shapes = spec["layer"][0]["encoding"]["shape"]["scale"]["range"]
        assert len(set(shapes)) == 2, "segments are told apart without colours too"
        assert "3 sampled customers" in spec["title"]["subtitle"]
        assert "75%" in spec["title"]["subtitle"]
        assert not {"aa", "bb", "cc"} & {text for one in points for text in map(str, one.values())}
        assert (await client.get("/map?as=svg&name=map")).text.startswith("<svg")


def test_names_of_centres_that_lie_together_do_not_lie_on_each_other() -> None:
    centres = [{"x": 0.0, "y": y, "segment": str(y), "text": ""} for y in (1.0, 1.01, 0.99, 5.0)]
    points = [{"x": x, "y": x, "segment": "1.0", "text": ""} for x in (-10.0, 10.0)]
    spec = customer_map("t", "s", points, centres, ("x", "y"))
    heights = sorted(one["label_y"] for one in spec["layer"][1]["data"]["values"])
    assert all(after - before > 0.5 for before, after in pairwise(heights))
    assert heights[-1] == 5.0


def test_on_a_phone_the_charts_have_numbers_and_their_legends_the_names() -> None:
    """The charts as vl-convert draws them, which the browser's Vega does alike."""
    import vl_convert

    names = ['Weekend shoppers of the "harbour" and around it', "Night owls who look and look and look again"]
    centres = [{"x": float(at), "y": 4.0 * at, "segment": one, "text": ""} for at, one in enumerate(names)]
    bands = [Band(names[0], names[1], 3, ""), Band(names[1], names[0], 2, "")]
    for spec in (customer_map("t", "s", centres, centres, ("x", "y")), alluvial("t", "s", bands, ("From", "To"))):
        narrow, wide = (
            unescape(vl_convert.vegalite_to_svg({**spec, "width": width, "background": "white"}))
            for width in (300, 900)
        )
        for at, name in enumerate(names, 1):
            assert f">{at}  {name}<" in narrow
            assert f">{at}<" in narrow
            assert f">{name}<" in wide
            assert f">{at}  {name}<" not in wide
        assert "\u2026" not in narrow + wide  # nothing is cut


@pytest.mark.asyncio
async def test_tables_tell_where_segments_are_and_what_directions_mean() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_customer_map("behaviour", MAP.to_json())
        places, axes = [
            list(csv.reader(io.StringIO((await client.get(f"/map?as=csv&name={name}")).text)))[1:]
            for name in ("places", "axes")
        ]
        assert [one[:4] for one in places] == [[SEGMENT, "2", "1.0", "2.0"], [OTHER, "1", "-1.0", "0.0"]]
        assert [one[1:] for one in axes] == [
            ["0.5", "clicks", "0.8"],
            ["0.5", "weekend_share", "-0.6"],
            ["0.25", "weekend_share", "0.8"],
            ["0.25", "clicks", "0.6"],
        ]


@pytest.mark.asyncio
@pytest.mark.parametrize("stored", [None, b"{}"])
async def test_before_the_first_map_the_page_says_when_it_comes(stored: bytes | None) -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        if stored is not None:
            await served.models.write_customer_map("behaviour", stored)
        assert "The map is drawn within a minute" in (await client.get("/map")).text


@pytest.mark.asyncio
async def test_the_trainer_publishes_a_map_when_due_and_without_who_was_forgotten() -> None:
    models, model = MemoryModelStore(), learner()
    maps, seldom = CustomerMaps(models, 0.0), CustomerMaps(models, 3600.0)
    await maps.write(model.snapshot(), model.samples())
    assert await models.customer_map("behaviour") is None, "there is no model yet"
    run(model, range(3))
    await seldom.write(model.snapshot(), model.samples())
    first = CustomerMap.from_json(await models.customer_map("behaviour"))
    assert first is not None
    assert len(first.customers) == 90
    model.forget("c-7", 10_000)
    await seldom.write(model.snapshot(), model.samples())
    assert CustomerMap.from_json(await models.customer_map("behaviour")) == first, "none is due"
    await maps.write(model.snapshot(), model.samples())
    later = CustomerMap.from_json(await models.customer_map("behaviour"))
    assert later is not None
    assert len({*first.customers} - {*later.customers}) == 1
