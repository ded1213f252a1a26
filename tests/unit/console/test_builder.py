"""The builder: who may use it, what is declared, what is refused, and that the newest preview wins. Issue 17."""

import asyncio
import html
import json
import re
from typing import Any

import httpx
import pytest

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.written.toml_text import toml_of
from streamseg.console.pages.building.choices import choices
from streamseg.console.pages.building.drafts import UnreadableDraftError, read_draft
from streamseg.console.pages.view import Reader
from streamseg.console.reads.previews import Previews, SupersededError
from streamseg.console.texts import texts
from streamseg.language import languages
from streamseg.service.audience_desk import AudienceDesk
from streamseg.service.audiences import Preview, read_declared
from streamseg.wiring.declared_audiences import vocabulary
from tests.support.console import LAYOUT, ORIGIN, ServedConsole, served_console

pytestmark = pytest.mark.asyncio

BUYERS: dict[str, Any] = {
    "id": "buyers",
    "name": 'Buyers "of" late',
    "purpose": "ads",
    "rule": {
        "all": [
            {"event": "purchase", "within": "30 days"},
            {"not": {"any": [{"feature": "discount_share", "at_least": 0.3}, {"never": "visit"}]}},
        ]
    },
}


def document(**more: Any) -> str:
    return json.dumps({"audience": [BUYERS | more]})


async def opened(client: httpx.AsyncClient, query: str = "") -> dict[str, str]:
    """The hidden fields of the builder's form."""
    page = await client.get(f"/builder{query}")
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    return {name: html.unescape(value) for name, value in fields.items()}


async def send(client: httpx.AsyncClient, fields: dict[str, str], **more: str) -> httpx.Response:
    return await client.post("/builder", data=fields | more, headers={"Origin": ORIGIN})


async def activate(served: ServedConsole, **more: Any) -> httpx.Response:
    async with served.logged_in("editor") as client:
        return await send(client, await opened(client), do="activate", document=document(**more))


async def test_an_editor_activates_changes_and_drops_with_before_and_after_in_the_audit_log() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        answer = await activate(served)
        assert (answer.status_code, answer.headers["location"]) == (303, "/audiences/buyers")
        fields = await opened(client, "?change=buyers")
        assert (fields["changes"], fields["version"]) == ("buyers", "1")
        answer = await send(client, fields, do="activate", document=toml_of(BUYERS | {"name": "Others"}))
        assert answer.status_code == 303, answer.text
        (declared,) = (await read_declared(served.models)).live
        assert (declared.version, declared.definition["name"]) == (2, "Others")
        data = {"token": fields["token"], "sure": "buyers"}
        dropped = await client.post("/audiences/buyers/drop", data=data, headers={"Origin": ORIGIN})
        assert dropped.status_code == 303
        assert (await read_declared(served.models)).live == ()
        said = [(one.who, one.role, one.action, one.subject) for one in await served.audit.latest(10)]
        assert said == [("editor", "editor", f"{verb} audience", "buyers") for verb in ("declare", "change", "drop")]
        first, second, third = await served.audit.latest(10)
        one, two = BUYERS | {"version": 1}, BUYERS | {"version": 2, "name": "Others"}
        assert [(each.before, each.after) for each in (first, second, third)] == [(None, one), (one, two), (two, None)]


async def test_a_drop_is_confirmed() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        await activate(served)
        data = {"token": (await opened(client))["token"]}
        answer = await client.post("/audiences/buyers/drop", data=data, headers={"Origin": ORIGIN})
        assert answer.status_code == 422
        assert len((await read_declared(served.models)).live) == 1


@pytest.mark.parametrize("role", ["viewer", "privacy"])
async def test_who_may_not_change_has_no_builder(role: str) -> None:
    async with served_console() as served, served.logged_in(role) as client, served.logged_in("editor") as editor:
        await activate(served)
        assert (await client.get("/builder")).status_code == 403
        assert "/builder" not in (await client.get("/audiences")).text
        assert "/builder" not in (await client.get("/audiences/buyers")).text
        theirs = await opened(editor)
        for form in (theirs, theirs | {"token": ""}):
            assert (await send(client, form, do="activate", document=document(id="mine"))).status_code == 403
        assert len(await served.audit.latest(10)) == 1


async def test_a_new_audience_does_not_replace_one_and_a_change_not_another_change() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        await activate(served)
        answer = await activate(served, name="Overwritten")
        assert answer.status_code == 200
        assert "version 1 is there, not what you have opened" in answer.text
        fields = await opened(client, "?change=buyers")
        await send(client, fields, do="activate", document=document(name="First"))
        late = await send(client, fields, do="activate", document=document(name="Second"))
        assert "version 2 is there, not what you have opened" in late.text
        renamed = await send(client, fields, do="activate", document=document(id="others"))
        assert "must stay buyers" in renamed.text
        assert [one.definition["name"] for one in (await read_declared(served.models)).live] == ["First"]
        assert len(await served.audit.latest(10)) == 2


async def test_wrong_drafts_name_the_field_and_keep_what_was_written() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        fields = await opened(client)
        wrong = document(rule={"all": [{"event": "vist"}, {"any": []}]}, minimum_size=0)
        told = (await send(client, fields, do="preview", document=wrong, **{"as": "json"})).json()
        assert {tuple(one["path"]) for one in told["wrong"]} == {("minimum_size",), ("rule", "all", 1, "any")}
        assert all(one["line"] is None for one in told["wrong"])
        wrong = document(rule={"all": [{"event": "vist"}, {"not": {"event": "visit", "at_least": 40}}]})
        told = (await send(client, fields, do="preview", document=wrong, **{"as": "json"})).json()
        assert [one["path"] for one in told["wrong"]] == [
            ["rule", "all", 0, "event"], ["rule", "all", 1, "not", "at_least"],
        ]  # fmt: skip
        text = toml_of(BUYERS).replace("purchase", "purchse")
        page = await send(client, fields, do="preview", document=text)
        assert "Line 6: event purchse is not tracked" in page.text
        assert html.escape(text, quote=False) in html.unescape(page.text).replace("&", "&amp;")


async def test_a_preview_is_sent_as_numbers_and_text_and_declares_nothing() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        sent = {"do": "preview", "as": "json", "document": document()}
        told = (await send(client, await opened(client), **sent)).json()
        assert told["text"] == toml_of(BUYERS)
        assert told["values"] == BUYERS
        assert "<strong>0</strong>" in told["html"]
        assert (await read_declared(served.models)).live == ()
        assert await served.audit.latest(10) == []


class SlowDesk(AudienceDesk):
    """A desk that answers when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.ended: list[bytes] = []

    async def preview(self, document: bytes, **_: Any) -> list[Preview]:
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.ended.append(document)
            raise
        return [Preview(document.decode(), 0)]


async def test_the_newest_preview_of_a_page_wins_and_the_older_ends() -> None:
    desk = SlowDesk()
    previews = Previews(desk)
    older = asyncio.create_task(previews.of("page", b"older", "a.json", "en"))
    other = asyncio.create_task(previews.of("other page", b"other", "a.json", "en"))
    await asyncio.sleep(0)
    newer = asyncio.create_task(previews.of("page", b"newer", "a.json", "en"))
    with pytest.raises(SupersededError):
        await older
    assert desk.ended == [b"older"]
    desk.may.set()
    assert [(await one).audience for one in (newer, other)] == ["newer", "other"]


async def test_toml_that_is_written_is_read_as_the_same() -> None:
    known = vocabulary(LAYOUT)
    for values in (BUYERS, BUYERS | {"rule": {"event": "visit"}}, BUYERS | {"rule": {"not": {"never": "visit"}}}):
        awkward = values | {"description": 'Two\nlines, a "quote", a \\ and \x7f', "minimum_size": 7}
        awkward |= {"expires": "2027-01-31"}
        text = toml_of(awkward)
        (read,) = read_audiences("a.toml", text, known).audiences
        assert read.written() == awkward
        assert read_draft(text) == awkward


@pytest.mark.parametrize(
    ("text", "said"), [("[[audience]", "is no TOML"), ("a = 1", "has 0 tables"), ("{", "is no JSON")]
)
async def test_a_text_that_is_none_says_why(text: str, said: str) -> None:
    with pytest.raises(UnreadableDraftError, match=said):
        read_draft(text)
    with pytest.raises(UnreadableDraftError, match="has 2 tables"):
        read_draft(toml_of(BUYERS) + "\n" + toml_of(BUYERS))


@pytest.mark.parametrize("language", languages())
async def test_the_builder_offers_all_that_rules_can_speak_of_once(language: str) -> None:
    async with served_console(demo=True) as served, served.client("127.0.0.1") as client:
        page = await client.get(f"/builder?lang={language}")
        (given,) = re.findall(r"data-choices='([^']*)'", page.text)
        offered = json.loads(given)
    names = [one["value"] for one in offered["features"]]
    known = vocabulary(LAYOUT)
    assert len(names) == len(set(names))
    assert {name for name, one in known.features.items() if not one.hashed} <= {*names}
    assert [one["value"] for one in offered["events"]] == [*dict.fromkeys(one.split(".")[0] for one in known.tracked)]
    assert [one["value"] for one in offered["segments"]] == ["behaviour-k7q2", "behaviour-m3x8"]
    assert choices(known, {}, [], Reader(served.gate._demo, texts(language), ()))["segments"] == []  # type: ignore[arg-type]
