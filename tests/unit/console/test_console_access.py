"""Nothing of the console is reachable without a login; forged forms and too many attempts are refused. Issue 17."""

import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from streamseg.console.access.login_limits import PER_ADDRESS
from streamseg.console.access.security_headers import HEADERS
from streamseg.console.pages.every_page import PAGES
from streamseg.console.routes.fixed import TYPES
from streamseg.service.segment_notes import LONGEST_NOTE
from tests.support.console import ORIGIN, SEGMENT, served_console

PATHS = [page.path.replace("{segment}", SEGMENT).replace("{audience}", "a") for page in PAGES]


def token_in(text: str) -> str:
    (token, *_) = re.findall(r'name="token" value="(\w+)"', text)
    return str(token)


@pytest.mark.asyncio
@pytest.mark.parametrize("path", PATHS)
async def test_without_a_login_a_page_leads_to_the_login_and_its_data_are_refused(path: str) -> None:
    async with served_console() as served, served.client() as client:
        page = await client.get(path)
        assert (page.status_code, page.headers["location"]) == (303, "/login")
        for form in ("live", "csv&name=segments", "json&name=sizes", "svg&name=sizes", "png&name=sizes"):
            assert (await client.get(f"{path}?as={form}")).status_code == 401


@pytest.mark.asyncio
async def test_every_route_is_a_page_a_change_the_login_or_holds_no_data() -> None:
    async with served_console() as served:
        app = served.console._app._app
        assert isinstance(app, Starlette)
        paths = {route.path for route in app.routes if isinstance(route, Route)}
    free = {"/assets/{name}", "/livez", "/readyz", "/login", "/logout"}
    changes = {
        "/segments/{segment}/name",
        "/segments/{segment}/note",
        "/customers/erase",
        "/audiences/{audience}/drop",
        "/lists/{list}/drop",
        "/live/send",
    }
    changes |= {"/segmentations/{segmentation}/promote"}
    assert paths - free == {*(page.path for page in PAGES)} | changes


@pytest.mark.asyncio
async def test_every_answer_has_the_security_headers_and_pages_are_not_stored() -> None:
    async with served_console() as served, served.logged_in("viewer") as client:
        for path in ("/", "/login", "/nowhere", "/livez", f"/assets/{next(iter(TYPES))}"):
            answer = await client.get(path)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, path
        page = await client.get("/")
        assert page.headers["cache-control"] == "no-store"
        assert "unsafe" not in page.headers["content-security-policy"]
        assert not re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page.text)


@pytest.mark.asyncio
async def test_the_cookie_is_signed_http_only_same_site_and_ends() -> None:
    async with served_console() as served, served.client() as client:
        answer = await client.post("/login", data={"key": served.plain["viewer"]})
        cookie = answer.headers["set-cookie"]
        for said in ("HttpOnly", "SameSite=strict", "Max-Age=43200", "Path=/"):
            assert said in cookie
        value = client.cookies["streamseg-console"]
        body, _, mac = value.partition(".")
        for forged in (f"{body}.{'0' * 64}", f"{body}", f"{body[:-4]}AAAA.{mac}", f"{body}.é", ""):
            client.cookies.clear()
            assert (await client.get("/", headers={"Cookie": f"streamseg-console={forged}"} if forged.isascii() else {})
                    ).status_code == 303  # fmt: skip
        assert (await client.get("/", headers={"Cookie": f"streamseg-console={value}"})).status_code == 200
        served.gate._clock = lambda: 1_795_000_000.0 + 43_201
        assert (await client.get("/", headers={"Cookie": f"streamseg-console={value}"})).status_code == 303


@pytest.mark.asyncio
async def test_over_tls_the_cookie_is_secure_and_of_this_host_alone() -> None:
    async with served_console(secure=True) as served, served.client() as client:
        answer = await client.post("/login", data={"key": served.plain["viewer"]})
        assert answer.headers["set-cookie"].startswith("__Host-streamseg-console=")
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"]


@pytest.mark.asyncio
async def test_a_session_ends_when_its_key_is_revoked() -> None:
    async with served_console() as served, served.logged_in("viewer") as client:
        assert (await client.get("/")).status_code == 200
        (key,) = [key for key in await served.keys.all() if key.role == "viewer"]
        await served.keys.remove(key.id)
        await served.console.refresh()
        assert (await client.get("/")).status_code == 303


@pytest.mark.asyncio
async def test_a_wrong_key_is_refused_and_so_are_too_many_attempts() -> None:
    async with served_console() as served, served.client() as client:
        for _ in range(PER_ADDRESS):
            assert (await client.post("/login", data={"key": "ck_wrong"})).status_code == 403
        answer = await client.post("/login", data={"key": served.plain["editor"]})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60


async def rename(client: httpx.AsyncClient, token: str, **headers: str) -> int:
    sent = {"Origin": ORIGIN} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.post(f"/segments/{SEGMENT}/name", data={"token": token, "name": "Owls"}, headers=sent)
    return answer.status_code


@pytest.mark.asyncio
async def test_an_editor_renames_and_the_audit_log_has_who_what_before_and_after() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        page = await client.get(f"/segments/{SEGMENT}")
        assert await rename(client, token_in(page.text)) == 303
        (entry,) = await served.audit.latest(10)
        assert (entry.who, entry.role, entry.action, entry.subject) == ("editor", "editor", "rename", SEGMENT)
        assert (entry.before, entry.after) == (None, "Owls")
        assert "<h1>Owls</h1>" in (await client.get(f"/segments/{SEGMENT}")).text
        assert (await served.models.names()) == {SEGMENT: "Owls"}


async def write_note(client: httpx.AsyncClient, token: str, text: str, segment: str = SEGMENT) -> int:
    sent = {"token": token, "note": text}
    return (await client.post(f"/segments/{segment}/note", data=sent, headers={"Origin": ORIGIN})).status_code


@pytest.mark.asyncio
async def test_an_editor_writes_a_note_that_all_see_with_who_and_when() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        token = token_in((await client.get(f"/segments/{SEGMENT}")).text)
        assert await write_note(client, token, " Ask Åsa first.\r\n<b>Then</b> call. ") == 303
        async with served.logged_in("viewer") as viewer:
            page = (await viewer.get(f"/segments/{SEGMENT}")).text
            assert "<p>Ask Åsa first.</p><p>&lt;b&gt;Then&lt;/b&gt; call.</p>" in page
            assert re.search(r'<p class="hint">editor, <time datetime="2026-11-18T', page)
            assert f"/segments/{SEGMENT}/note" not in page
            assert await write_note(viewer, token_in(page), "mine") == 403
        assert await write_note(client, token, "") == 303
        assert [(one.action, one.before, one.after) for one in await served.audit.latest(10)] == [
            ("note", None, "Ask Åsa first.\n<b>Then</b> call."),
            ("note", "Ask Åsa first.\n<b>Then</b> call.", None),
        ]
        assert await served.models.notes() == {}


@pytest.mark.asyncio
async def test_a_note_is_text_of_bounded_length_on_a_segment_that_is_there() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        token = token_in((await client.get(f"/segments/{SEGMENT}")).text)
        assert await write_note(client, token, "å" * LONGEST_NOTE) == 303
        assert await write_note(client, token, "å" * (LONGEST_NOTE + 1)) == 422
        assert await write_note(client, token, "a\x00b") == 422
        assert await write_note(client, token, "x", "behaviour-none") == 404
        assert await write_note(client, "", "x") == 403
        assert len(await served.audit.latest(10)) == 1


@pytest.mark.asyncio
async def test_forged_forms_are_refused() -> None:
    async with served_console() as served, served.logged_in("editor") as client:
        token = token_in((await client.get(f"/segments/{SEGMENT}")).text)
        async with served.logged_in("editor") as other:
            foreign = token_in((await other.get(f"/segments/{SEGMENT}")).text)
        assert await rename(client, "") == 403
        assert await rename(client, foreign) == 403
        assert await rename(client, token, Origin="https://evil.example") == 403
        assert await rename(client, token, Sec_Fetch_Site="cross-site") == 403
        assert await served.audit.latest(10) == []
        assert await served.models.names() == {}


@pytest.mark.asyncio
@pytest.mark.parametrize("role", ["viewer", "privacy"])
async def test_only_editors_change(role: str) -> None:
    async with served_console() as served, served.logged_in(role) as client:
        page = await client.get(f"/segments/{SEGMENT}")
        assert f"/segments/{SEGMENT}/name" not in page.text
        assert await rename(client, token_in(page.text)) == 403
        assert await served.audit.latest(10) == []


@pytest.mark.asyncio
async def test_without_the_audit_log_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamseg.errors import StoreUnavailableError

    async with served_console() as served, served.logged_in("editor") as client:

        async def away(_: object) -> None:
            raise StoreUnavailableError("away")

        monkeypatch.setattr(served.audit, "append", away)
        assert await rename(client, token_in((await client.get(f"/segments/{SEGMENT}")).text)) == 503
        assert await served.models.names() == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(("role", "shows"), [("viewer", False), ("editor", False), ("privacy", True)])
async def test_ids_are_pseudonyms_unless_the_role_is_privacy(role: str, *, shows: bool) -> None:
    from streamseg.clustering.description.describe import pseudonym

    async with served_console() as served, served.logged_in(role) as client:
        page = await client.get("/customers?id=c-0")
        (shown,) = re.findall(r'class="person"><code>([^<]+)<', page.text)
        assert shown == ("c-0" if shows else pseudonym("c-0"))


@pytest.mark.asyncio
async def test_the_demo_lets_in_who_asks_this_machine_and_nobody_else() -> None:
    async with served_console(demo=True) as served:
        for host, status in (("127.0.0.1:8090", 200), ("localhost:8090", 200), ("evil.example", 421)):
            async with served.client(host) as client:
                assert (await client.get("/")).status_code == status, host
