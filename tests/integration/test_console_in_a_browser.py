"""The console in Chromium, on the demo: pages drawn, a move that appears by itself, access, axe-core. Issue 17."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser, Page

from streamseg.embedded.child import free_port, listens
from tests.support.api import run_command
from tests.support.browser import make_key
from tests.support.console_demo import KEPT, Demo, barriers, opened, visitor
from tests.support.processes import STREAMSEG, until

pytestmark = pytest.mark.integration


def paths(demo: Demo) -> dict[str, str]:
    overview = opened(demo.console).decode()
    (segment, *_) = re.findall(r'href="(/segments/[\w-]+)"', overview)
    return {
        "overview": "/",
        "segment": segment,
        "model": "/model",
        "map": "/map",
        "flows": "/flows?first=2020-01-01",
        "audiences": "/audiences",
        "audience": "/audiences/big-baskets",
        "overlap": "/overlap",
        "customer": "/customers?id=fg-000001",
    }


LOOKS = [("light", 1360, "en-GB"), ("dark", 1360, "nl-NL"), ("light", 390, "sv-SE"), ("dark", 390, "en-GB")]


@pytest.mark.parametrize(("scheme", "width", "locale"), LOOKS)
def test_every_page_is_drawn_and_accessible(
    demo: Demo, chromium: Browser, scheme: str, width: int, locale: str
) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    size = {"width": width, "height": 900}
    with visitor(chromium, color_scheme=scheme, viewport=size, locale=locale) as (_, page, wrong):
        said: list[tuple[str, str, list[str]]] = []
        for name, path in paths(demo).items():
            page.goto(demo.console + path)
            page.wait_for_selector("[data-live-state][data-state=live]")
            page.wait_for_function(
                "() => [...document.querySelectorAll('[data-chart]')].every((one) => one.dataset.drawn)"
            )
            assert page.locator("html").get_attribute("lang") == locale[:2]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
            if (name, width) == ("segment", 1360):
                tables = "[...document.querySelectorAll('.scroll')].every((one) => one.scrollWidth <= one.clientWidth)"
                assert page.evaluate(tables), "columns of a table are out of sight"
            page.screenshot(path=KEPT / f"{name}-{scheme}-{width}.png", full_page=True)
            said += [(name, *one) for one in barriers(page)]
        assert said == []
        assert wrong == []


def test_a_page_is_used_by_keyboard_alone(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium) as (_, page, _wrong):
        page.goto(demo.console)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


def test_a_move_appears_without_a_reload(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium) as (_, page, _wrong):
        page.goto(demo.console)
        page.wait_for_selector("[data-live-state][data-state=live]")
        page.evaluate("window.stayed = true")
        before = page.locator("#live_segments").inner_text()
        page.wait_for_function("(before) => document.querySelector('#live_segments').innerText !== before", arg=before)
        assert page.evaluate("window.stayed") is True


def test_a_change_in_the_store_appears_on_the_page(demo: Demo, chromium: Browser) -> None:
    segment = paths(demo)["segment"].rpartition("/")[2]
    with (
        visitor(chromium) as (_, page, _wrong),
        redis.Redis.from_url(demo.environment["STREAMSEG_REDIS__URL"]) as store,
    ):
        page.goto(f"{demo.console}/segments/{segment}")
        page.wait_for_selector("[data-live-state][data-state=live]")
        stored = json.loads(store.hget("ssg:v1:catalogue", segment))
        store.hset("ssg:v1:names", segment, "Owls of the night")
        store.hset("ssg:v1:catalogue", segment, json.dumps(stored | {"given_name": "Owls of the night"}))
        page.wait_for_selector("h1:has-text('Owls of the night')")


def test_the_customers_of_a_flow_are_listed(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium) as (_, page, _wrong):
        page.goto(f"{demo.console}/flows?segmentation=journey&first=2020-01-01")
        page.click("[aria-labelledby=table-ways] tbody td a[href*=left]")
        page.wait_for_selector("#movers tbody th a[href^='/customers']")  # also when Kafka is read after the page


@contextmanager
def console_with_keys(demo: Demo, tmp_path: Path, port: int = 0) -> Iterator[str]:
    """A second console on the demo's stores, which asks for keys; sessions outlive it."""
    port = port or free_port()
    secret = {"STREAMSEG_CONSOLE__SESSION_SECRETS": '["a secret of this test"]'}
    with (tmp_path / "console.log").open("ab") as log:
        process = subprocess.Popen(
            [*STREAMSEG, "console", "--port", str(port)], env=demo.environment | secret, stdout=log, stderr=log
        )
        try:
            until(lambda: listens(port), "the console to listen", 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def log_in(page: Page, address: str, key: str) -> None:
    page.goto(address)
    page.fill("#key", key)
    page.click("button")


def test_people_log_in_see_by_their_role_and_leave_a_trace(demo: Demo, chromium: Browser, tmp_path: Path) -> None:
    url = demo.environment["STREAMSEG_REDIS__URL"]
    keys = {role: make_key(url, f"a {role}", "--console", role) for role in ("viewer", "editor", "privacy")}
    segment = paths(demo)["segment"]
    with console_with_keys(demo, tmp_path) as address:
        with visitor(chromium) as (_, page, _wrong):
            log_in(page, address, "ck_wrong")
            page.wait_for_selector("[role=alert]")
            log_in(page, address, make_key(url, "a server"))
            page.wait_for_selector("[role=alert]")  # a key of the API is none of the console
            log_in(page, address, keys["viewer"])
            page.wait_for_selector("#live_health")
            page.goto(address + segment)
            assert page.locator("input[name=name]").count() == 0
            page.goto(f"{address}/customers?id=fg-000001")
            assert page.locator(".person").inner_text() != "fg-000001"
        with visitor(chromium) as (_, page, _wrong):
            log_in(page, address, keys["privacy"])
            page.goto(f"{address}/customers?id=fg-000001")
            assert page.locator(".person").inner_text() == "fg-000001"
        with visitor(chromium) as (context, page, _wrong):
            log_in(page, address, keys["editor"])
            page.goto(address + segment)
            page.fill("input[name=name]", "Renamed by a test")
            page.click("form.line button")
            page.wait_for_selector("h1:has-text('Renamed by a test')")
            refused = context.request.post(f"{address}{segment}/name", form={"name": "forged", "token": "0" * 64})
            assert refused.status == 403
            page.click("button.quiet")
            page.wait_for_url("**/login")
    told = json.loads(run_command("audit", "--json", environment={"STREAMSEG_REDIS__URL": url}).stdout)["changes"]
    assert [(one["who"], one["role"], one["action"], one["after"]) for one in told[-1:]] == [
        ("a editor", "editor", "rename", "Renamed by a test")
    ]


def test_the_form_that_promotes_a_shadow_is_drawn_and_asks_for_a_confirmation(
    demo: Demo, chromium: Browser, tmp_path: Path
) -> None:
    """The second console has the segments that the demo learned in shadow: only what it shows and asks is looked at."""
    key = make_key(demo.environment["STREAMSEG_REDIS__URL"], "promoter", "--console", "editor")
    shadowed = replace(demo, environment=demo.environment | {"STREAMSEG_SEGMENTATIONS__BEHAVIOUR__SHADOW": "true"})
    for scheme, width in (("light", 1360), ("dark", 390)):
        size = {"width": width, "height": 900}
        with (
            console_with_keys(shadowed, tmp_path) as address,
            visitor(chromium, locale="en-GB", color_scheme=scheme, viewport=size) as (_, page, wrong),
        ):
            log_in(page, address, key)
            page.wait_for_selector("#live_health")
            page.goto(f"{address}/model")
            form = page.locator("form[action='/segmentations/behaviour/promote']")
            form.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert barriers(page) == []
            page.screenshot(path=KEPT / f"promote-{scheme}-{width}.png", full_page=True)
            form.locator("button").click()
            assert form.evaluate("(form) => form.matches(':invalid')")
            assert page.url == f"{address}/model", "it was sent without a confirmation"
            assert wrong == []


def test_the_page_says_that_it_lost_the_connection_and_comes_back(
    demo: Demo, chromium: Browser, tmp_path: Path
) -> None:
    key, port = make_key(demo.environment["STREAMSEG_REDIS__URL"], "a reader", "--console", "viewer"), free_port()
    with visitor(chromium) as (_, page, _wrong):
        with console_with_keys(demo, tmp_path, port) as address:
            log_in(page, address, key)
            page.wait_for_selector("[data-live-state][data-state=live]")
        page.wait_for_selector("[data-live-state][data-state=lost]")
        assert re.search(r"\d+:\d\d", page.locator("[data-live-state]").inner_text()), "of when the data is"
        with console_with_keys(demo, tmp_path, port):
            page.wait_for_selector("[data-live-state][data-state=live]")


def test_the_demo_lets_nobody_in_from_elsewhere(demo: Demo) -> None:
    done = subprocess.run(
        [*STREAMSEG, "console", "--demo", "--host", "0.0.0.0"],
        env=demo.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "127.0.0.1 only" in done.stderr


def test_pages_are_quick(demo: Demo) -> None:
    took = []
    for path in [*paths(demo).values()] * 3:
        began = time.perf_counter()
        opened(demo.console + path)
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 0.3
