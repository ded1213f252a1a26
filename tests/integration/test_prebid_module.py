"""The Prebid.js example in a real browser, on stand-ins for what it imports from Prebid. Issue 13, items 19 and 20."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import BrowserContext, Page, Route

from streamseg.api.http.access import identity_hash
from streamseg.membership.encoding import encode
from streamseg.membership.views import ads_view
from tests.support.api import ApiProcess
from tests.support.browser import browser, make_key, web_server
from tests.support.nginx import free_port, nginx
from tests.support.served_api import IDENTITY_SECRET, membership_of, segment_entry

pytestmark = pytest.mark.integration

PREBID = {
    "activities/modules.js": 'export const MODULE_TYPE_RTD = "rtd";',
    "consentHandler.js": "export const VENDORLESS_GVLID = Object.freeze({});",
    "hook.js": "export const submodule = (kind, module) => { window.kind = kind; };",
    "storageManager.js": """export const getStorageManager = (options) => {
        window.storageOptions = options;
        return {
            getDataFromLocalStorage: (key) => localStorage.getItem(key),
            setDataInLocalStorage: (key, value) => localStorage.setItem(key, value),
            removeDataFromLocalStorage: (key) => localStorage.removeItem(key),
        };
    };""",
    "utils.js": "export const mergeDeep = (...parts) => Object.assign(...parts);",
}
PAGE = """<!doctype html>
<script type="module">
  import { streamsegSubmodule as module } from "./modules/streamsegRtdProvider.js";
  import { VENDORLESS_GVLID } from "./src/consentHandler.js";
  const params = { api: "API", key: "KEY", customer: "c-81", hash: "HASH", bidders: ["bidderA"], timeoutMs: 10000 };
  window.vendorless = module.gvlid === VENDORLESS_GVLID;
  /* Configure the module and run auctions, as Prebid does. Return what the bidders of the last auction get. */
  window.auction = async (more = {}, consent = undefined, auctions = 1) => {
    const config = { params: { ...params, ...more } };
    if (!module.init(config, consent)) return "not configured";
    let request;
    while (auctions--) {
      request = { ortb2Fragments: { global: {}, bidder: { bidderA: { site: { id: "s" } }, bidderB: {} } } };
      await new Promise((done) => module.getBidRequestData(request, done, config, consent));
    }
    return request.ortb2Fragments.bidder;
  };
  window.targeting = (keyValues) => module.getTargetingData(["top"], { params: { ...params, keyValues } });
</script>
"""
SEGMENT = {"id": "behaviour-k7q2", "name": "behaviour-k7q2"}
WITH_SEGMENT = {
    "bidderA": {"site": {"id": "s"}, "user": {"data": [{"name": "fitgear.example", "segment": [SEGMENT]}]}},
    "bidderB": {},
}
WITHOUT = {"bidderA": {"site": {"id": "s"}}, "bidderB": {}}


@dataclass
class Site:
    """A page with the module, the API below a path behind nginx, and its store."""

    store: redis.Redis
    url: str
    tabs: BrowserContext
    asked: list[str] = field(default_factory=list)
    """Methods and URLs that the page sent to the API."""

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
        page.wait_for_function("window.auction !== undefined")
        return page


@pytest.fixture
def site(clean_redis: str, tmp_path: Path) -> Iterator[Site]:
    key = make_key(clean_redis, "page", "--publishable")
    for name, text in PREBID.items():
        file = tmp_path / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "modules").mkdir()
    example = Path("deploy/examples/streamsegRtdProvider.js").read_text()
    (tmp_path / "modules" / "streamsegRtdProvider.js").write_text(example)
    with redis.Redis.from_url(clean_redis) as store, web_server(tmp_path) as url:
        store.hset("ssg:v1:catalogue", "behaviour-k7q2", segment_entry("behaviour-k7q2"))
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([url]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
            "STREAMSEG_API__ADS_PROVIDER": "fitgear.example",
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
        assert page.evaluate("auction()") == (WITH_SEGMENT if ads else WITHOUT)
        assert page.evaluate("targeting(true)") == {"top": {"ssg": ["behaviour-k7q2"]} if ads else {}}
        assert page.evaluate("targeting(false)") == {"top": {}}
    assert page.evaluate("[window.kind, window.vendorless]") == ["realTimeData", True]
    assert page.evaluate("window.storageOptions") == {"moduleType": "rtd", "moduleName": "streamseg"}
    asked = [each for each in site.asked if "/v1/" in each]
    assert asked
    assert all(each.startswith("POST ") and each.endswith("/segments/api/v1/openrtb/user") for each in asked)


def test_the_first_auction_gets_the_kept_answer_when_the_new_one_is_late(site: Site) -> None:
    site.consent(ads=True)
    page = site.open()
    gdpr = {"gdpr": {"consentString": "A"}}
    assert page.evaluate("(consent) => auction({}, consent)", gdpr) == WITH_SEGMENT
    held: list[Route] = []
    site.tabs.route("**/v1/openrtb/user", lambda route: held.append(route))
    late: dict[str, Any] = {"timeoutMs": 50}

    def first_auction(more: dict[str, Any], consent: Any) -> Any:
        return site.open().evaluate("([more, consent]) => auction(more, consent)", [more, consent])

    assert first_auction(late, gdpr) == WITH_SEGMENT
    assert first_auction(late, {"gdpr": {"consentString": "B"}}) == WITHOUT  # the visitor has answered anew
    assert first_auction(late | {"customer": "c-82"}, gdpr) == WITHOUT
    assert first_auction(late | {"cacheSeconds": 0}, gdpr) == WITHOUT
    assert first_auction(late, gdpr) == WITH_SEGMENT
    site.tabs.unroute_all(behavior="ignoreErrors")
    assert held


def test_an_answer_without_consent_deletes_the_kept_one(site: Site) -> None:
    site.consent(ads=True)
    page = site.open()
    assert page.evaluate("auction()") == WITH_SEGMENT
    assert page.evaluate("localStorage.length") == 1
    site.consent(ads=False)
    assert page.evaluate("auction({}, undefined, 2)") == WITHOUT
    assert page.evaluate("localStorage.length") == 0


def test_the_request_needs_no_preflight(site: Site) -> None:
    """Chromium reports preflights only to the debugger."""
    site.consent(ads=True)
    page = site.open()
    debugger = site.tabs.new_cdp_session(page)
    methods: list[str] = []
    debugger.on("Network.requestWillBeSent", lambda sent: methods.append(sent["request"]["method"]))
    debugger.send("Network.enable")
    assert page.evaluate("auction()") == WITH_SEGMENT
    page.evaluate("fetch(location.href, { method: 'GET' }).then((answer) => answer.text())")
    assert methods == ["POST", "GET"]
