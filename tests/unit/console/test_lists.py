"""Lists in the console: uploaded with a report, counted, kept from being dropped while asked for. Issue 17."""

import re
from typing import Any

import httpx
import pytest

from streamseg.console.routes import uploading
from streamseg.service.audiences import read_declared
from tests.support.console import ORIGIN, ServedConsole, served_console

pytestmark = pytest.mark.asyncio

CONTENT = "email\r\nann@shop.example\r\nANN@shop.example\r\nbob@shop.example\r\nnobody\r\n"


async def upload(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    (token, *_) = re.findall(r'name="token" value="([^"]+)"', (await client.get("/lists")).text)
    return await client.post(
        "/lists", data={"token": token, "id": "vip", "content": CONTENT} | fields, headers={"Origin": ORIGIN}
    )


async def drop(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    (token, *_) = re.findall(r'name="token" value="([^"]+)"', (await client.get("/lists")).text)
    return await client.post("/lists/vip/drop", data={"token": token} | fields, headers={"Origin": ORIGIN})


async def uploaded(served: ServedConsole) -> Any:
    (found,) = (await read_declared(served.models)).lists
    return found


async def test_an_upload_tells_lines_valid_duplicates_and_what_is_invalid_and_is_in_the_audit_log() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        page = (await upload(client, purpose="ads", expires="2027-01-31")).text
        figures = re.findall(r"<dd>([\d…]+)", page)
        assert figures[:3] == ["4", "3", "1"]
        assert "Invalid lines: 1" in page
        assert "Line 5:" in page
        assert "shop.example" not in page, "no value is part of a report"
        found = await uploaded(served)
        assert (found.lines, found.valid, found.duplicates, found.version) == (4, 3, 1, 1)
        assert found.ends is not None
        (audience,) = (await read_declared(served.models)).live
        assert (audience.id, audience.definition["rule"]) == ("vip", {"list": "vip"})
        said = [(one.action, one.subject, one.who) for one in await served.audit.latest(10)]
        assert said == [("declare audience", "vip", "editor"), ("upload list", "vip", "editor")]
        await upload(client)
        page = (await client.get("/lists/vip")).text
        assert "uploaded it again · version 2" in re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))
        assert 'href="/audiences/vip"' in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "Not an id"}, "must be small letters"),
        ({"content": "email\nnothing\n"}, "none of its"),
        ({"content": ""}, "is empty"),
        ({"expires": "tomorrow"}, "must be a date such as"),
        ({"content": "phone\n+31612345678\n"}, "needs hashes that rows do not keep"),
        ({"purpose": "war"}, "purpose must be one of"),
    ],
)
async def test_what_is_wrong_with_a_list_is_said_and_nothing_is_uploaded(fields: dict[str, str], said: str) -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        page = (await upload(client, **fields)).text
        assert said in page
        assert (await read_declared(served.models)).lists == ()
        assert await served.audit.latest(10) == []


async def test_a_list_is_dropped_when_confirmed_and_no_audience_asks_for_it() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        await upload(client, purpose="ads")
        assert (await drop(client)).status_code == 422
        assert "Drop it" not in (await client.get("/lists/vip")).text
        assert "vip" in re.findall(r'role="alert" lang="en">([^<]+)<', (await drop(client, sure="vip")).text)[0]
        assert (await uploaded(served)).id == "vip"
        (token, *_) = re.findall(r'name="token" value="([^"]+)"', (await client.get("/lists")).text)
        sent = {"token": token, "sure": "vip"}
        await client.post("/audiences/vip/drop", data=sent, headers={"Origin": ORIGIN})
        await drop(client, sure="vip")
        assert (await read_declared(served.models)).lists == ()
        assert await served.models.list_names() == set()
        assert (await client.get("/lists/vip")).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "privacy"])
async def test_only_editors_upload(role: str) -> None:
    async with served_console() as served, served.logged_in(role) as client:
        assert (await upload(client)).status_code == 403
        assert 'id="upload"' not in (await client.get("/lists")).text
        assert (await read_declared(served.models)).lists == ()


async def test_a_form_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "UPLOAD_BYTES", 200)
    async with served_console() as served, served.logged_in("editor") as client:
        assert (await upload(client, content="x" * 300)).status_code == 413
        assert (await read_declared(served.models)).lists == ()
