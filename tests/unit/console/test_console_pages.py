"""What pages say of facts: figures, movers, downloads, live parts, and the same texts in every language. Issue 17."""

import csv
import html
import io
import json
import re
from datetime import date
from string import Formatter
from typing import Any

import pytest

from streamseg.console.charts.upset import Together, upset
from streamseg.console.pages.overview import since_first
from streamseg.console.pages.view import Cell, Table
from streamseg.console.reads.kept import Kept
from streamseg.console.routes.serving import LOOK_SECONDS
from streamseg.console.texts import FOLDER, texts
from streamseg.language import languages, messages
from streamseg.ports import Flush
from streamseg.service.changes import SizesOfDay
from streamseg.service.status_judgement import KINDS, Problem
from tests.support.console import LAYOUT, OTHER, SEGMENT, entry, served_console

EN = messages("en", FOLDER)


def forms(text: Any) -> dict[str, str]:
    return {"": text} if isinstance(text, str) else text


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", languages())
def test_texts_are_complete_with_the_same_facts_in_every_language(language: str) -> None:
    tables = messages(language, FOLDER)
    assert {table: set(keys) for table, keys in tables.items()} == {table: set(keys) for table, keys in EN.items()}
    for table, keys in EN.items():
        for key, text in keys.items():
            ours, theirs = forms(text), forms(tables[table][key])
            assert ours.keys() == theirs.keys(), (table, key)
            assert all(one.strip() and places(one) == places(ours[form]) for form, one in theirs.items()), (table, key)


@pytest.mark.parametrize("language", [one for one in languages() if one != "en"])
def test_no_sentence_was_left_in_english(language: str) -> None:
    same = {
        (table, key): text
        for table, keys in messages(language, FOLDER).items()
        for key, text in keys.items()
        if text == EN[table][key] and len(str(text)) > len("version {version}")
    }
    assert same == {}


def test_every_kind_of_trouble_has_a_text() -> None:
    assert {*KINDS} <= {*EN["health"]}


def test_numbers_are_written_as_the_reader_does() -> None:
    assert [texts(one).number(1234567.5, 1) for one in ("en", "nl", "sv")] == [
        "1,234,567.5", "1.234.567,5", "1 234 567,5",
    ]  # fmt: skip
    assert texts("en").signed(-3) == "\u22123"


def test_a_spreadsheet_computes_nothing_of_a_download() -> None:
    table = Table("t", ["=a"], [[Cell("=1+1", "x")], [Cell(-3, "-3")]])
    assert list(csv.reader(io.StringIO(table.csv()))) == [["'=a"], ["'=1+1"], ["-3"]]


@pytest.mark.asyncio
@pytest.mark.parametrize("language", languages())
async def test_the_overview_has_sizes_and_movers_with_where_they_came_from(language: str) -> None:
    t = texts(language)
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        page = await client.get(f"/?lang={language}")
        assert f'<html lang="{language}">' in page.text
        assert t("health.right") in page.text
        assert t("overview.mostly_from", count=1, other="=Night owls") in page.text
        rows = list(csv.reader(io.StringIO((await client.get("/?as=csv&name=segments")).text.removeprefix("\ufeff"))))
        assert rows[1][0] == SEGMENT
        assert rows[1][1:4] == ["3", "0.6", "0.25"]
        assert [row[4:] for row in rows[1:]] == [["1", "2", "2"], ["-1", "-2", "-2"]]
        spec = json.loads((await client.get("/?as=json&name=sizes")).text)
        found = {(one["day"], one["name"]): one["size"] for one in spec["data"]["values"]}
        days = sorted({day for day, _ in found})
        assert [found[day, "Weekend shoppers"] for day in days] == [2, 3]
        assert [found[day, "=Night owls"] for day in days] == [3, 2]


@pytest.mark.asyncio
async def test_movers_lead_to_all_moves_of_their_days() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        links = re.findall(r'href="(/flows\?[^"]+)"', (await client.get("/")).text)
        assert [re.findall(r"first=([\d-]+)", one) for one in links] == [["2026-11-18"], ["2026-11-12"], ["2026-10-22"]]
        flows = (await client.get(html.unescape(links[1]))).text
    assert "<option selected>behaviour</option>" in flows
    assert 'name="first" type="date" value="2026-11-12"' in flows
    assert 'name="last" type="date" value="2026-11-18"' in flows


@pytest.mark.asyncio
async def test_segments_say_of_which_segmentation_they_are_where_there_are_several() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        assert "<small>behaviour</small>" not in (await client.get("/")).text
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_catalogue({"value-aaaa": entry("Much", segmentation="value")})
        claimed = await served.state.claim(0, "w", LAYOUT.fingerprint, 1)
        sizes = {SEGMENT: 3, OTHER: 2, "value-aaaa": 5}
        await served.state.flush(0, Flush("w", claimed.flush_number, sizes=sizes))
        page = (await client.get("/")).text
    assert "Weekend shoppers</a><small>behaviour</small>" in page
    assert "Much</a><small>value</small>" in page


def test_sizes_begin_with_the_first_day_that_has_some() -> None:
    days = [SizesOfDay(date(2026, 11, 1 + at), {SEGMENT: size}) for at, size in enumerate((0, 0, 4, 0))]
    assert since_first(days, [SEGMENT, OTHER]) == days[2:]
    assert since_first(days, [OTHER]) == []


@pytest.mark.asyncio
async def test_what_a_customer_is_worth_has_its_currency() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        assert "<dd>10 EUR</dd>" in (await client.get(f"/segments/{SEGMENT}")).text


@pytest.mark.asyncio
async def test_the_overview_has_the_share_who_changed_segment_today() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        page = (await client.get("/")).text
    assert "<li><span>behaviour</span><span>20.0% <small>what is usual is known after a week</small>" in page


@pytest.mark.asyncio
async def test_what_is_wrong_is_said_on_the_overview() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        served.problems.append(Problem("late", "partition 3: 80 records wait"))
        page = (await client.get("/")).text
    assert "Events wait too long." in page
    assert "partition 3: 80 records wait" in page
    assert "All is right" not in page


@pytest.mark.asyncio
async def test_charts_are_downloaded_as_svg_and_png() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        assert (await client.get("/?as=svg&name=sizes")).content.startswith(b"<svg")
        assert (await client.get("/?as=png&name=sizes")).content.startswith(b"\x89PNG")
        assert (await client.get("/?as=svg&name=other")).status_code == 404
        gone = await client.get("/?as=json&name=other")
        assert (gone.status_code, gone.content) == (204, b"")  # a page may ask for a chart that is gone since


@pytest.mark.asyncio
async def test_a_downloaded_chart_writes_numbers_and_days_as_its_reader_does() -> None:
    from streamseg.console.charts import drawing, specs

    values = [{"day": f"2026-{month:02}-01", "size": 2_000 * month, "name": "n"} for month in range(3, 6)]
    spec = specs.over_time("t", "s", values, ["n"], "axis")
    for language, number, month in (("en", "10,000", "May"), ("nl", "10.000", "mei"), ("sv", "10\u00a0000", "maj")):
        drawn = (await drawing.svg(spec, language)).decode()
        assert number in drawn.replace("&nbsp;", "\u00a0"), language
        assert month in drawn or month.title() in drawn, language


@pytest.mark.asyncio
async def test_what_is_unknown_is_said_and_not_a_failure() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        for path in ("/segments/behaviour-none", "/audiences/none", "/nowhere"):
            assert (await client.get(path)).status_code == 404
        assert "No customer with this id is known" in (await client.get("/customers?id=nobody")).text
        assert "No audience is declared yet" in (await client.get("/audiences")).text
        assert "There is nothing to compare" in (await client.get("/overlap")).text


@pytest.mark.asyncio
async def test_names_that_people_give_are_text_and_not_html() -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_catalogue({OTHER: entry("<script>alert(1)</script>")})
        page = (await client.get(f"/segments/{OTHER}")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


@pytest.mark.asyncio
@pytest.mark.parametrize(("until", "said"), [(1_717_372_800, True), (None, False)])
async def test_the_page_of_a_segment_says_that_it_is_provisional(until: int | None, *, said: bool) -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        await served.models.write_catalogue({OTHER: entry("Newcomers", provisional_until=until)})
        page = (await client.get(f"/segments/{OTHER}")).text
    assert ("so it may still change much until 2024-06-03." in page) == said


@pytest.mark.asyncio
async def test_a_stream_sends_what_changed_and_nothing_else() -> None:
    """Read by the generator itself: httpx' ASGI transport waits for the end of an answer."""
    from streamseg.console.access.sessions import new_session
    from streamseg.console.pages.overview import PAGE
    from streamseg.console.pages.view import Reader

    async with served_console(demo=True) as served:
        serving = served.console._serving
        reader = Reader(new_session("", "d", "demo", 0), texts("en"), ())
        served.gate._demo = reader.session
        changes = serving._changes(PAGE, reader, {})
        first = [await anext(changes) for _ in range(9)]
        names = [json.loads(one.partition("data: ")[2])["name"] for one in first if one.startswith("event: part")]
        assert names == [
            "live_health",
            "live_figures",
            "live_segments",
            "live_chart",
            "live_movers",
            "live_volatility",
            "live_lineage",
        ]
        assert first[-1].startswith("event: now")
        await served.models.write_catalogue({SEGMENT: entry("Renamed shoppers")})
        later: list[str] = []
        while not any("Renamed shoppers" in one for one in later):
            later.append(await anext(changes))
            assert len(later) < 20
        changed = [json.loads(one.partition("data: ")[2])["name"] for one in later if one.startswith("event: part")]
        assert changed[0] == "live_segments"
        assert "live_health" not in changed
        await changes.aclose()  # type: ignore[attr-defined]
        assert serving._open == {}


@pytest.mark.asyncio
async def test_what_is_costly_is_read_once_for_all_readers() -> None:
    import asyncio

    reads = 0

    async def read() -> int:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0.01)
        return reads

    kept = Kept(read, 60.0)
    assert await asyncio.gather(*(kept.get() for _ in range(20))) == [1] * 20
    kept.forget()
    assert await kept.get() == 2


@pytest.mark.asyncio
async def test_a_page_that_waits_for_a_count_says_so_and_the_others_are_drawn() -> None:
    import asyncio

    async with served_console(demo=True, soon_seconds=0.2) as served, served.client("127.0.0.1") as client:
        facts, counted = served.console._serving._facts, asyncio.Event()
        whole = facts._survey

        async def slow() -> Any:
            await counted.wait()
            return await whole()

        facts._surveyed = Kept(slow, 60.0).soon
        segment = await client.get(f"/segments/{SEGMENT}")
        assert segment.status_code == 200
        assert "All customers are being counted" in segment.text
        assert "data-reading" not in segment.text
        waiting = await client.get("/overlap")
        assert "data-reading" in waiting.text
        assert "<progress" in waiting.text
        refused = await client.get("/overlap?as=csv&name=overlap")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        counted.set()
        await asyncio.sleep(0.05)
        assert "data-reading" not in (await client.get("/overlap")).text
        assert "are being counted" not in (await client.get(f"/segments/{SEGMENT}")).text


@pytest.mark.asyncio
async def test_the_overview_does_not_wait_for_servers_that_are_slow_to_answer() -> None:
    import asyncio

    async with served_console(demo=True, soon_seconds=0.2) as served, served.client("127.0.0.1") as client:
        facts = served.console._serving._facts

        async def silent() -> Any:
            await asyncio.sleep(60)

        facts.status = Kept(silent, 5.0).soon
        page = (await client.get("/")).text
        assert "Asking the servers" in page
        assert "Weekend shoppers" in page


@pytest.mark.asyncio
async def test_many_different_pages_are_looked_at_in_half_of_the_time_at_most() -> None:
    from streamseg.console.access.sessions import new_session
    from streamseg.console.pages.overview import PAGE
    from streamseg.console.pages.view import Reader

    async with served_console(demo=True) as served:
        serving = served.console._serving
        reader = Reader(new_session("", "d", "demo", 0), texts("en"), ())
        served.gate._demo = reader.session
        changes = serving._changes(PAGE, reader, {})
        while not (await anext(changes)).startswith("event: now"):
            pass
        assert 0 < sum(serving._takes.values()) < 0.5
        assert serving._pauses()[1] == LOOK_SECONDS
        serving._takes |= {("/customers", (("id", str(one)),), "en", "demo"): 0.1 for one in range(20)}
        assert serving._pauses()[0] == serving._pauses()[1] == pytest.approx(4.0, abs=0.5)
        await changes.aclose()  # type: ignore[attr-defined]
        assert len(serving._takes) == 20  # its own is gone with its last reader


def test_no_part_of_a_page_is_a_script_of_its_own() -> None:
    from importlib.resources import files

    for one in (files("streamseg.console") / "templates").iterdir():
        text = one.read_text("utf-8")
        assert not re.findall(r"<script(?![^>]* src=)| style=| on\w+=|javascript:", text), one.name


def test_the_picture_of_combinations_has_a_bar_and_a_dot_for_each_set() -> None:
    spec = upset("t", "s", ["A", "B", "C"], [Together((0, 2), 8, "8"), Together((1,), 4, "4")])
    bars, numbers, others, lines, dots, labels = ([*layer["data"]["values"]] for layer in spec["layer"])
    assert [one["y2"] - one["y"] for one in bars] == [180.0, 90.0]
    assert [one["number"] for one in numbers] == ["8", "4"]
    assert len(others) == 3
    assert [(one["text"], one["x"]) for one in dots] == [("A: 8", 0.5), ("C: 8", 0.5), ("B: 4", 1.5)]
    assert [(one["y"], one["y2"]) for one in lines] == [(dots[0]["y"], dots[1]["y"])]
    assert [one["y"] for one in labels] == [dots[0]["y"], dots[2]["y"], dots[1]["y"]]
