"""Issue 13, items 18-20: the widget's event stream, its fallback, and an API below a path, in a real browser."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import redis
from playwright.sync_api import BrowserContext, Page, Route

from streamseg.api.http.access import identity_hash
from streamseg.embedded.child import free_port
from tests.support.api import ApiProcess, put_membership
from tests.support.browser import browser, make_key, shown, web_server
from tests.support.nginx import nginx
from tests.support.served_api import IDENTITY_SECRET, membership_of, segment_entry

pytestmark = pytest.mark.integration

PAGE = """<!doctype html>
<script src="{api}/streamseg.js" data-key="{key}" data-customer="c-81" data-hash="{hash}" {more}></script>
<streamseg-slot id="athlete" segment="behaviour-k7q2">
  <b slot="match" hidden>New running shoes!</b>Our bestsellers
</streamseg-slot>
"""


@dataclass
class Shop:
    """A site with the widget, the API, and the tabs of one visitor."""

    store: redis.Redis
    site: str
    api: str
    tabs: BrowserContext
    asked: list[tuple[int, str]] = field(default_factory=list)
    """The tab and the URL of each request to the API."""

    def open(self) -> Page:
        page = self.tabs.new_page()
        tab = len(self.tabs.pages)
        page.on("request", lambda request: self.asked.append((tab, request.url)))
        page.goto(self.site)
        return page

    def streams(self) -> int:
        text = httpx.get(f"{self.api}/metrics").text
        return int(float(text.partition("\nstreamseg_api_streams ")[2].split()[0]))

    def change(self, segment: str, seq: int) -> None:
        put_membership(self.store, membership_of("c-81", segment, seq=seq))


@pytest.fixture
def shop(clean_redis: str, tmp_path: Path) -> Iterator[Shop]:
    """The API below a path behind nginx, with a visitor who is not in the segment."""
    key = make_key(clean_redis, "page", "--publishable")
    port = free_port()
    with redis.Redis.from_url(clean_redis) as store, web_server(tmp_path) as site:
        store.hset("ssg:v1:catalogue", "behaviour-k7q2", segment_entry("Daily Athletes"))
        put_membership(store, membership_of("c-81", "behaviour-m3xw"))
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([site]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
            "STREAMSEG_API__PUBLIC_URL": f"http://127.0.0.1:{port}/segments/api",
            "STREAMSEG_API__STREAMS_INACTIVITY_SECONDS": "1",
        }
        with (
            ApiProcess(clean_redis, **settings) as api,
            nginx(tmp_path / "nginx", port, api.address, "/segments/api") as address,
            browser() as tabs,
        ):
            proof = identity_hash(IDENTITY_SECRET, "c-81")
            (tmp_path / "index.html").write_text(PAGE.format(api=address, key=key, hash=proof, more=""))
            yield Shop(store, site, api.address, tabs)


def until(page: Page, holds: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        page.wait_for_timeout(50)  # lets the browser's events in


def turn(page: Page, state: str) -> None:
    """Hide or show a tab, as its page sees it."""
    page.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


def test_tabs_share_one_stream_and_the_next_tab_takes_it_over(shop: Shop) -> None:
    first, second, third = (shop.open() for _ in range(3))
    until(third, lambda: shop.streams() == 1)
    third.wait_for_timeout(500)
    assert shop.streams() == 1
    shop.asked.clear()
    shop.change("behaviour-k7q2", 2)
    for page in (first, second, third):
        page.wait_for_function("document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
        assert shown(page, "athlete") == "New running shoes!"
    asking = {tab for tab, url in shop.asked if "/ofrep/" in url}
    assert len(asking) == 1  # one tab asks, and tells the others; it asks again if the store was too slow
    assert all("/segments/api/" in url for _, url in shop.asked)
    first.close()
    until(second, lambda: shop.streams() == 1)
    shop.change("behaviour-m3xw", 3)
    for page in (second, third):
        page.wait_for_function("!document.querySelector('#athlete').hasAttribute('matched')", timeout=10_000)
    assert shop.streams() == 1


def test_a_hidden_tab_leaves_the_stream_and_is_current_when_it_is_shown_again(shop: Shop) -> None:
    page = shop.open()
    until(page, lambda: shop.streams() == 1)
    turn(page, "hidden")
    page.wait_for_timeout(300)
    turn(page, "visible")  # in time
    page.wait_for_timeout(1_500)
    assert shop.streams() == 1
    turn(page, "hidden")
    until(page, lambda: shop.streams() == 0)
    shop.change("behaviour-k7q2", 2)
    page.wait_for_timeout(500)
    assert shown(page, "athlete") == "Our bestsellers"
    turn(page, "visible")
    page.wait_for_function("document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
    until(page, lambda: shop.streams() == 1)


def test_a_visible_tab_takes_the_stream_over_from_a_hidden_one(shop: Shop) -> None:
    hidden = shop.open()
    until(hidden, lambda: shop.streams() == 1)
    visible = shop.open()
    visible.bring_to_front()
    turn(hidden, "hidden")
    visible.wait_for_timeout(2_500)
    until(visible, lambda: shop.streams() == 1)
    shop.asked.clear()
    shop.change("behaviour-k7q2", 2)
    for page in (visible, hidden):
        page.wait_for_function("document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)


def test_reconnects_back_off_and_heed_retry_after(shop: Shop) -> None:
    tried: list[float] = []

    def refuse(route: Route) -> None:
        tried.append(time.monotonic())
        headers = {"Access-Control-Allow-Origin": shop.site, "Access-Control-Expose-Headers": "Retry-After"}
        retry = {"Retry-After": "4"} if len(tried) == 1 else {}
        route.fulfill(status=429 if retry else 503, headers=headers | retry, body="")

    shop.tabs.route("**/v1/streams/**", refuse)
    page = shop.open()
    until(page, lambda: len(tried) == 4, 30)
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert waits[0] >= 3.9
    assert waits[2] > 1.9  # the third failure: 2-4 s
    shop.tabs.unroute("**/v1/streams/**")
    until(page, lambda: shop.streams() == 1, 40)


def test_an_answer_that_asks_to_wait_is_heeded(shop: Shop) -> None:
    tried: list[float] = []

    def refuse(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        tried.append(time.monotonic())
        headers = {"Access-Control-Allow-Origin": shop.site, "Access-Control-Expose-Headers": "Retry-After"}
        route.fulfill(status=503, headers=headers | {"Retry-After": "3"}, body="")

    shop.tabs.route("**/ofrep/**", refuse)
    page = shop.open()
    page.wait_for_timeout(2_500)
    assert len(tried) == 1
    until(page, lambda: len(tried) == 2)
    assert tried[1] - tried[0] > 2.9
    assert shown(page, "athlete") == "Our bestsellers"


@pytest.mark.parametrize("guard", ["hidden", "style"])
def test_only_the_fallback_is_shown_until_the_element_is_defined(shop: Shop, tmp_path: Path, guard: str) -> None:
    shop.change("behaviour-k7q2", 2)
    page_file = tmp_path / "index.html"
    if guard == "style":
        style = "<style>streamseg-slot:not(:defined) > [slot=match] { display: none }</style>"
        page_file.write_text(page_file.read_text().replace(" hidden>", ">").replace("<script", f"{style}<script", 1))
    page_file.write_text(page_file.read_text().replace("<script", "<script async", 1))
    held: list[Route] = []
    shop.tabs.route("**/streamseg.js", lambda route: held.append(route))
    page = shop.tabs.new_page()
    page.goto(shop.site, wait_until="commit")
    until(page, lambda: bool(held))
    page.wait_for_selector("#athlete")
    assert shown(page, "athlete") == "Our bestsellers"
    assert page.evaluate("document.querySelector('#athlete').matches(':not(:defined)')")
    held[0].continue_()
    page.wait_for_function("document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
    assert shown(page, "athlete") == "New running shoes!"
    assert page.locator("#athlete b").is_visible()
    shop.change("behaviour-m3xw", 3)
    page.wait_for_function("!document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
    assert shown(page, "athlete") == "Our bestsellers"
