"""Login to the console at a real OpenID Connect provider, in Chromium; what is forged is refused. Issue 17."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from streamseg.embedded.child import free_port, listens
from tests.support.api import run_command
from tests.support.npm_packages.packages import npm_packages
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.support.processes import STREAMSEG, until

pytestmark = pytest.mark.integration


class OpenConsole:
    """A console beside a provider: its address, the settings of its process, and the provider's issuer."""

    def __init__(self, address: str, environment: dict[str, str], issuer: str) -> None:
        self.address, self.environment, self.issuer = address, environment, issuer

    def audit(self) -> list[dict[str, Any]]:
        told = run_command("audit", "--json", environment=self.environment)
        return list(json.loads(told.stdout)["changes"])


def settings(issuer: str, address: str) -> dict[str, str]:
    roles = {"data-protection": "privacy", "marketing": "editor"}
    return {
        "STREAMSEG_CONSOLE__PUBLIC_URL": address,
        "STREAMSEG_CONSOLE__OPENID__ISSUER": issuer,
        "STREAMSEG_CONSOLE__OPENID__CLIENT_ID": CLIENT_ID,
        "STREAMSEG_CONSOLE__OPENID__CLIENT_SECRET": CLIENT_SECRET,
        "STREAMSEG_CONSOLE__OPENID__NAME": "the shop's login",
        "STREAMSEG_CONSOLE__OPENID__ROLE_CLAIM": "groups",
        "STREAMSEG_CONSOLE__OPENID__ROLES": json.dumps(roles),
    }


@pytest.fixture
def console(environment: dict[str, str], tmp_path: Path) -> Iterator[OpenConsole]:
    port = free_port()
    address = f"http://localhost:{port}"  # another site than the provider's 127.0.0.1, as in life
    with openid_provider(f"{address}/login/openid/return", tmp_path / "provider.log") as issuer:
        given = environment | settings(issuer, address)
        with (tmp_path / "console.log").open("ab") as log:
            process = subprocess.Popen(
                [*STREAMSEG, "console", "--port", str(port)], env=os.environ | given, stdout=log, stderr=log
            )
            try:
                until(lambda: listens(port), "the console to listen", 60)
                yield OpenConsole(address, given, issuer)
            finally:
                process.terminate()
                process.wait(30)


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    context: BrowserContext = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def log_in(page: Page, console: OpenConsole, who: str, *, agree: bool = True) -> None:
    page.goto(f"{console.address}/login")
    page.click("a.button")
    page.fill("#user", who)
    page.click(f"button[value={'yes' if agree else 'no'}]")


def test_people_log_in_at_the_provider_with_the_role_of_their_group_and_log_out(
    console: OpenConsole, tab: Page
) -> None:
    tab.goto(console.address)
    assert tab.locator("a.button").inner_text() == "Log in with the shop's login"
    log_in(tab, console, "dora")
    tab.wait_for_selector(".session")
    assert "Dora Privacy · privacy" in tab.locator(".session").inner_text()
    (session,) = [one for one in tab.context.cookies() if one["name"].startswith("streamseg-console")]
    assert (session["sameSite"], session["httpOnly"]) == ("Strict", True)
    tab.click("button.quiet")
    tab.wait_for_selector("text=still logged in at the shop's login")
    tab.click("text=Log out there too")
    tab.wait_for_selector("text=Logged out of the-console")
    tab.goto(f"{console.address}/audiences")
    assert tab.url == f"{console.address}/login"
    assert console.audit() == []


WAYS_OUT = [("button.quiet", "**/logout", "**/login?*"), ("nav a[href='/audiences']", "**/audiences", "**/audiences")]


@pytest.mark.parametrize(("way", "asked", "reached"), WAYS_OUT, ids=["form", "link"])
def test_a_page_that_has_been_read_does_not_cut_off_the_way_to_another(
    console: OpenConsole, tab: Page, way: str, asked: str, reached: str
) -> None:
    """A page without its facts yet loads itself again once they are read, and so undid a click on "Log out"."""
    log_in(tab, console, "dora")
    tab.wait_for_selector("[data-live-state][data-state=live]")
    tab.wait_for_selector("[data-reading]", state="detached")

    def answer_late(route: Route) -> None:
        time.sleep(4)  # in which the server has said four times that all is read
        route.continue_()

    tab.route(asked, answer_late)
    with tab.expect_navigation(url=reached):
        tab.evaluate(
            """(way) => {
                document.querySelector("main").insertAdjacentHTML("beforeend", "<p data-reading></p>");
                document.querySelector(way).click(); // in the same moment: nothing is said between the two
            }""",
            way,
        )


REFUSED = [
    ("guest", "role", "nobody gave you a role", "A Guest: no value of groups has a role here"),
    ("wrong-nonce", "token", "could not be verified", "nonce: InvalidClaimError"),
    ("wrong-audience", "token", "could not be verified", "aud: InvalidClaimError"),
    ("shared-audience", "token", "could not be verified", "azp: it was issued to another client"),
    ("wrong-issuer", "token", "could not be verified", "iss: InvalidClaimError"),
    ("expired", "token", "could not be verified", "exp: ExpiredTokenError"),
    ("wrong-key", "token", "could not be verified", "signature: bad_signature"),
    ("unsigned", "token", "could not be verified", "Algorithm of 'none' is not allowed"),
]


def test_what_is_forged_is_refused_with_a_page_that_says_so_and_an_entry_in_the_audit_log(
    console: OpenConsole, chromium: Browser
) -> None:
    for who, _reason, said, _detail in REFUSED:
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        log_in(page, console, who)
        assert said in page.locator("[role=alert]").inner_text(), who
        assert context.cookies(console.address) == [], who
        context.close()
    for (who, reason, _, detail), entry in zip(REFUSED, console.audit(), strict=True):
        assert (entry["action"], entry["subject"], entry["who"]) == ("refuse login", reason, ""), who
        assert detail in entry["after"], who


def test_a_login_ends_only_in_the_browser_that_began_it_and_once(
    console: OpenConsole, chromium: Browser, tab: Page
) -> None:
    seen: list[str] = []
    tab.on("request", lambda request: seen.append(request.url) if "code=" in request.url else None)
    log_in(tab, console, "ann")
    tab.wait_for_selector(".session")
    (back,) = seen
    tab.goto(back)
    assert "did not begin in this browser" in tab.locator("[role=alert]").inner_text()  # its cookie is used up
    other = chromium.new_context(locale="en-GB").new_page()
    other.goto(f"{console.address}/login")
    other.click("a.button")
    other.goto(back)  # a foreign code with the login of this browser
    assert "did not begin in this browser" in other.locator("[role=alert]").inner_text()
    log_in(other, console, "ann", agree=False)
    assert "did not let you in" in other.locator("[role=alert]").inner_text()
    assert [one["subject"] for one in console.audit()] == ["state", "state", "denied"]
    other.context.close()


def test_the_pages_of_the_login_are_accessible(console: OpenConsole, tab: Page) -> None:
    axe = (npm_packages() / "axe-core" / "axe.min.js").read_text()
    for path in ("/login", "/login/openid/return"):
        tab.goto(console.address + path)
        tab.evaluate(axe)
        found = tab.evaluate("async () => (await axe.run(document)).violations")
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], path


WRONG = [
    ({"STREAMSEG_CONSOLE__OPENID__ISSUER": "http://login.shop.example"}, "with TLS unless it is this machine"),
    ({"STREAMSEG_CONSOLE__OPENID__ROLES": '{"a": "admin"}'}, "'viewer', 'editor' or 'privacy'"),
    ({"STREAMSEG_CONSOLE__OPENID__ROLES": "{}"}, "console.openid.roles"),
    ({"STREAMSEG_CONSOLE__OPENID__CLIENT_SECRET": " "}, "is empty"),
    ({"STREAMSEG_CONSOLE__OPENID__SCOPES": '["profile"]'}, 'scopes must have "openid"'),
    ({"STREAMSEG_CONSOLE__PUBLIC_URL": ""}, "must be an address such as"),
    ({"STREAMSEG_CONSOLE__OPENID__ISSUER": "{issuer}/"}, "console.openid.issuer: the discovery document is of"),
]


def test_a_wrong_setting_stops_the_start_with_one_line(console: OpenConsole) -> None:
    for wrong, said in WRONG:
        given = console.environment | {name: one.replace("{issuer}", console.issuer) for name, one in wrong.items()}
        done = subprocess.run(
            [*STREAMSEG, "console", "--port", "0"],
            env=os.environ | given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, (wrong, done.stderr)
        assert said in done.stderr, (wrong, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
