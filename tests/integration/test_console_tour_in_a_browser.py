"""The four hints at first use, and times in the reader's own region, in Chromium on the demo. Issue 17."""

import pytest
from playwright.sync_api import Browser

from tests.support.console_demo import KEPT, Demo, barriers, tab_to, visitor

pytestmark = pytest.mark.integration


def test_the_hints_are_used_by_keyboard_and_shown_once_to_a_browser(demo: Demo, chromium: Browser) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    with visitor(chromium, locale="en-GB") as (context, page, wrong):
        page.goto(demo.console)
        page.wait_for_selector("[data-tour]:not([hidden])")
        said = []
        tab_to(page, "[data-tour-next]")
        for step in range(1, 5):
            hint = page.locator("[data-hint]:not([hidden])")
            said.append(hint.inner_text())
            assert said[-1].startswith(f"{step} of 4:")
            assert page.locator(".told").count() == 1
            if step == 1:
                page.screenshot(path=KEPT / "tour.png")
                assert barriers(page) == []
            if step < 4:
                page.keyboard.press("Enter")
        assert len(set(said)) == 4
        page.keyboard.press("Enter")  # the focus has gone to the button that ends it
        assert page.locator("[data-tour]").is_hidden()
        assert page.evaluate("document.activeElement.id") == "main"
        assert page.locator(".told").count() == 0
        page.reload()
        page.wait_for_selector("[data-tour-again]:not([hidden])")
        assert page.locator("[data-tour]").is_hidden()
        page.click("[data-tour-again]")
        page.keyboard.press("Escape")
        assert page.locator("[data-tour]").is_hidden()
        other = context.new_page()
        other.goto(f"{demo.console}/audiences")
        assert other.locator("[data-tour]").count() == 0
        assert wrong == []


def test_times_are_written_as_in_the_readers_region(demo: Demo, chromium: Browser) -> None:
    for locale, written in (("en-GB", r"^\d{1,2} \w{3} \d{4}"), ("en-US", r"^\w{3} \d{1,2}, \d{4}")):
        with visitor(chromium, locale=locale) as (_, page, _wrong):
            page.goto(f"{demo.console}/overlap")
            page.wait_for_function(
                "(form) => new RegExp(form).test(document.querySelector('.asof time').innerText)", arg=written
            )
