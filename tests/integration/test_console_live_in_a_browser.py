"""Live events in Chromium, on the demo: they come by themselves; a test event goes through every stage. Issue 17."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.console_demo import KEPT, Demo, barriers, running_demo, tab_to, visitor

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo"), ["--speed", "3600x"]) as running:
        yield running


def events_shown(page: Page, least: int) -> None:
    page.wait_for_function("(least) => document.querySelectorAll('#live_feed tbody tr').length >= least", arg=least)


def test_a_test_event_is_sent_by_keyboard_and_goes_through_every_stage(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium) as (_, page, wrong):
        page.goto(f"{demo.console}/live")
        tab_to(page, "#sample")
        page.keyboard.type("an order")
        tab_to(page, "#test-customer")
        page.keyboard.type("somebody-new")
        page.keyboard.press("Enter")
        page.wait_for_url("**/live/sent?*")
        page.wait_for_function("() => document.querySelectorAll('.story .yes').length === 4")
        said = page.locator(".story").inner_text()
        assert "streamseg.purchases" in said
        assert said.count("after ") == 4
        assert barriers(page) == []
        page.goto(f"{demo.console}/live")
        page.select_option("#sample", "wrong")
        page.click("form[action='/live/send'] button")
        page.wait_for_selector(".story li:has-text('rejected') .yes")
        assert "event_name" in page.locator(".story").inner_text()
        assert wrong == []


LOOKS = [("light", 1360, "en-GB"), ("dark", 390, "nl-NL")]


@pytest.mark.parametrize(("scheme", "width", "locale"), LOOKS)
def test_events_come_by_themselves_and_the_list_can_be_stopped(
    demo: Demo, chromium: Browser, scheme: str, width: int, locale: str
) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    size = {"width": width, "height": 900}
    with visitor(chromium, color_scheme=scheme, viewport=size, locale=locale) as (_, page, wrong):
        page.goto(f"{demo.console}/live")
        events_shown(page, 5)
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "too wide"
        page.screenshot(path=KEPT / f"live-{scheme}-{width}.png", full_page=True)
        page.click("button[name=still]")
        page.wait_for_selector("#stopped tbody tr")
        before = page.locator("#stopped").inner_text()
        page.wait_for_timeout(3000)
        assert page.locator("#stopped").inner_text() == before
        page.select_option("#kind", "purchase")
        page.locator("form[action='/live'] button").first.click()
        events_shown(page, 1)
        kinds = set(page.locator("#live_feed tbody th").all_inner_texts())
        assert len(kinds) == 1
        assert wrong == []
