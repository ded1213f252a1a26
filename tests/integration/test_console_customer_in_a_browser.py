"""The customer page in Chromium, on the demo: what happened to somebody appears, and they are erased. Issue 17."""

import json

import pytest
from playwright.sync_api import Browser, Page

from streamseg.clustering.description.describe import pseudonym
from tests.support.api import run_command
from tests.support.console_demo import KEPT, Demo, barriers, visitor

pytestmark = pytest.mark.integration

CUSTOMER = "fg-000001"


def past_with_events(demo: Demo, page: Page) -> str:
    """Open customers until one was moved by an event that is still kept; return what the page says of their past.

    Others were moved by a model, or by a window that ended.
    """
    for number in range(1, 41):
        page.goto(f"{demo.console}/customers?id=fg-{number:06}")
        page.wait_for_selector(".past")
        past = page.locator("#live_past").inner_text()
        if "Events before it" in past:
            return past
    raise AssertionError("no customer was moved by an event")


def test_the_past_of_a_customer_appears_by_itself(demo: Demo, chromium: Browser) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    for scheme, width in (("light", 1360), ("dark", 390)):
        size = {"width": width, "height": 900}
        with visitor(chromium, locale="en-GB", color_scheme=scheme, viewport=size) as (_, page, wrong):
            past = past_with_events(demo, page)
            assert "entered" in past
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.screenshot(path=KEPT / f"past-{scheme}-{width}.png", full_page=True)
            assert barriers(page) == []
            assert wrong == []


def test_the_rule_of_a_declared_segment_is_told(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium, locale="en-GB") as (_, page, _wrong):
        page.goto(f"{demo.console}/customers?id=fg-000001")
        for segmentation in ("status", "journey"):
            said = page.locator(f"[aria-labelledby=in-{segmentation}]").inner_text()
            assert "The first of the rules, in their order, that holds:" in said or "None of the rules before" in said
        assert barriers(page) == []


def test_a_customer_is_erased_after_their_id_was_typed_and_the_receipt_follows_it(
    demo: Demo, chromium: Browser
) -> None:
    with visitor(chromium, locale="en-GB") as (_, page, _wrong):
        page.goto(f"{demo.console}/customers?id={CUSTOMER}")
        page.focus("#typed")
        page.keyboard.type("fg-000002")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('This did not work')")
        page.goto(f"{demo.console}/customers?id={CUSTOMER}")
        page.focus("#typed")
        page.keyboard.type(CUSTOMER)
        page.keyboard.press("Enter")
        page.wait_for_url("**/customers/erasure?*")
        page.wait_for_function("() => document.querySelectorAll('#live_receipt .yes').length === 3")
        page.screenshot(path=KEPT / "erasure-light-1360.png", full_page=True)
        assert barriers(page) == []
    told = json.loads(run_command("audit", "--json", environment=demo.environment).stdout)["changes"]
    assert [one["subject"] for one in told if one["action"] == "erase customer"] == [pseudonym(CUSTOMER)]
