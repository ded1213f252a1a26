"""The Prebid.js example in real auctions of Prebid.js, in a real browser. Issue 13, items 19 and 20."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import BrowserContext, Page, Route

from streamseg.api.http.access import identity_hash
from streamseg.embedded.child import free_port
from streamseg.membership.encoding import encode
from streamseg.membership.views import ads_view
from tests.support.api import ApiProcess
from tests.support.browser import browser, make_key, web_server
from tests.support.nginx import nginx
from tests.support.prebid import PAGE, build_prebid
from tests.support.served_api import IDENTITY_SECRET, membership_of, segment_entry

pytestmark = pytest.mark.integration

OWN = {"name": "bidderA.example", "segment": [{"id": "own"}]}
OURS = {"name": "fitgear.example", "segment": [{"id": "behaviour-k7q2", "name": "behaviour-k7q2"}]}
WITH_SEGMENT = {"bidderA": [OWN, OURS], "bidderB": []}
WITHOUT = {"bidderA": [OWN], "bidderB": []}
CONFIGURED = 1_800_000_000
"""When a page with a clock of its own is configured, epoch seconds."""


@dataclass
class Site:
    """A page with Prebid and the module, the API below a path behind nginx, and its store."""

    store: redis.Redis
    url: str
    tabs: BrowserContext
    asked: list[str] = field(default_factory=list)
    """Methods and URLs that the pages sent to the API."""

    def consent(self, *, ads: bool) -> None:
        """Write the ads view, as a worker does."""
        view = ads_view(encode(membership_of("c-81", ads=ads)), lambda _: True)
        if view is None:
            self.store.delete("ssg:v1:a:c-81")
        else:
            self.store.set("ssg:v1:a:c-81", view)

    def open(self) -> Page:
        page = self.tabs.new_page()
        page.on("request", lambda request: self.asked.append(f"{request.method} {request.url}"))
        page.goto(self.url)
        return page

    def first_auction(self, more: dict[str, Any] | None = None, consent: dict[str, Any] | None = None) -> Any:
        """Open a page and configure it; return what the bidders of its first auction were asked with."""
        return self.open().evaluate("([more, consent]) => firstAuction(more ?? {}, consent)", [more, consent])


@pytest.fixture(scope="module")
def prebid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("site") / "prebid.js"
    build_prebid(tmp_path_factory.mktemp("build"), script)
    return script


@pytest.fixture
def site(clean_redis: str, prebid: Path, tmp_path: Path) -> Iterator[Site]:
    key = make_key(clean_redis, "page", "--publishable")
    shutil.copy(prebid, tmp_path)
    with redis.Redis.from_url(clean_redis) as store, web_server(tmp_path) as url:
        store.hset("ssg:v1:catalogue", "behaviour-k7q2", segment_entry("behaviour-k7q2"))
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([url]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
            "STREAMSEG_API__ADS_PROVIDER": "fitgear.example",
            "STREAMSEG_API__STORE_TIMEOUT_SECONDS": "4",  # a loaded machine must not make it answer 503
        }
        with (
            ApiProcess(clean_redis, **settings) as api,
            nginx(tmp_path / "nginx", free_port(), api.address, "/segments/api") as address,
            browser() as tabs,
        ):
            proof = identity_hash(IDENTITY_SECRET, "c-81")
            markup = PAGE.replace("API", f"{address}/").replace("KEY", key).replace("HASH", proof)
            (tmp_path / "index.html").write_text(markup)
            yield Site(store, url, tabs)


def test_chosen_bidders_get_the_fragment_under_consent(site: Site) -> None:
    for ads in (True, False):
        site.consent(ads=ads)
        page = site.open()
        assert page.evaluate("firstAuction()") == (WITH_SEGMENT if ads else WITHOUT)
        assert page.evaluate("keyValues()") == {"top": "behaviour-k7q2" if ads else None}
        page = site.open()
        page.evaluate("firstAuction({ keyValues: false })")
        assert page.evaluate("keyValues()") == {"top": None}
    asked = [each for each in site.asked if "/v1/" in each]
    assert len(asked) == 4
    assert all(each.startswith("POST ") and each.endswith("/segments/api/v1/openrtb/user") for each in asked)


@pytest.mark.parametrize("known", [True, False], ids=["consent-known", "consent-from-dialogue"])
def test_the_first_auction_gets_the_kept_answer_when_the_new_one_is_late(site: Site, known: bool) -> None:
    site.consent(ads=True)
    agreed = {"string": "A", "known": known}
    assert site.first_auction({}, agreed) == WITH_SEGMENT
    held: list[Route] = []
    site.tabs.route("**/v1/openrtb/user", lambda route: held.append(route))
    late = {"timeoutMs": 50, "cacheSeconds": 600}

    assert site.first_auction(late, agreed) == WITH_SEGMENT
    assert site.first_auction(late, agreed | {"string": "B"}) == WITHOUT  # the visitor has answered anew
    assert site.first_auction(late | {"customer": "c-82"}, agreed) == WITHOUT
    assert site.first_auction(late | {"cacheSeconds": 0}, agreed) == WITHOUT
    assert site.first_auction(late, agreed) == WITH_SEGMENT
    site.tabs.unroute_all(behavior="ignoreErrors")
    assert held


def test_an_answer_without_consent_deletes_the_kept_one(site: Site) -> None:
    site.consent(ads=True)
    page = site.open()
    assert page.evaluate("firstAuction()") == WITH_SEGMENT
    assert page.evaluate("localStorage.length") == 1
    site.consent(ads=False)
    assert page.evaluate("auction()") == WITHOUT
    assert page.evaluate("localStorage.length") == 0


def test_an_answer_without_consent_ends_the_key_values_of_earlier_auctions(site: Site) -> None:
    """Prebid sends the ad server what the ad units of all auctions of the page hold."""
    site.consent(ads=True)
    page = site.open()
    page.evaluate("firstAuction()")
    page.evaluate("auction('side')")
    assert page.evaluate("keyValues()") == {"top": "behaviour-k7q2", "side": "behaviour-k7q2"}
    site.consent(ads=False)
    page.evaluate("auction('side')")
    assert page.evaluate("keyValues()") == {"top": None, "side": None}


def test_the_visitor_agrees_to_purposes_of_the_shop_and_to_no_vendor(site: Site) -> None:
    """Prebid's TCF control asks for purpose 1 to keep an answer, and for purpose 4 to give it to anyone."""
    site.consent(ads=True)
    for purposes, asked_with, key_value, kept in (
        ([1, 4], WITH_SEGMENT, "behaviour-k7q2", 1),
        ([4], WITH_SEGMENT, "behaviour-k7q2", 0),
        ([1], WITHOUT, None, 0),
    ):
        page = site.open()
        page.evaluate("localStorage.clear()")
        consent = {"string": "A", "purposes": purposes}
        assert page.evaluate("(consent) => firstAuction({}, consent)", consent) == asked_with
        assert page.evaluate("keyValues()") == {"top": key_value}
        assert page.evaluate("localStorage.length") == kept


@pytest.mark.parametrize(("seconds", "requests"), [(4, 1), (6, 2)], ids=["short", "long"])
def test_an_answer_from_before_a_long_dialogue_is_not_used(site: Site, seconds: int, requests: int) -> None:
    """The auction waits for the visitor's decision, the first request does not."""
    site.consent(ads=True)
    page = site.open()
    page.clock.set_fixed_time(CONFIGURED)
    page.evaluate("window.settings = [{}, { string: 'A' }]")
    with page.expect_response("**/v1/openrtb/user"):
        page.evaluate("configure(...settings)")
    site.consent(ads=False)
    page.clock.set_fixed_time(CONFIGURED + seconds)
    page.evaluate("decide(settings[1])")
    assert page.evaluate("auction()") == (WITH_SEGMENT if requests == 1 else WITHOUT)
    assert len([each for each in site.asked if "/v1/" in each]) == requests


def test_the_request_needs_no_preflight(site: Site) -> None:
    """Chromium reports preflights only to the debugger."""
    site.consent(ads=True)
    page = site.open()
    debugger = site.tabs.new_cdp_session(page)
    sent: list[tuple[str, str]] = []
    debugger.on("Network.requestWillBeSent", lambda it: sent.append((it["request"]["method"], it["request"]["url"])))
    debugger.send("Network.enable")
    assert page.evaluate("firstAuction()") == WITH_SEGMENT
    page.evaluate("fetch(location.href, { method: 'GET' }).then((answer) => answer.text())")
    assert [method for method, url in sent if "/v1/" in url] == ["POST"]
    assert ("GET", f"{site.url}/") in sent
