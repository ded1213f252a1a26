"""Reports as they are printed: a sheet of A4 for each, with all charts drawn, in Chromium on the demo. Issue 17."""

import re

import pytest
from playwright.sync_api import Browser, Page

from tests.support.console_demo import KEPT, Demo, barriers, opened, visitor

pytestmark = pytest.mark.integration

DRAWN = "() => [...document.images].every((one) => one.complete && one.naturalWidth > 0)"

OVERFULL = """() => [...document.querySelectorAll(".sheet")].filter((sheet) => {
  const foot = sheet.querySelector(".foot").getBoundingClientRect().top;
  const parts = [...sheet.querySelectorAll("table, img, ul, p:not(.foot)")];
  return parts.some((one) => one.getBoundingClientRect().bottom > foot);
}).map((sheet) => sheet.querySelector("h1, h2").innerText)"""


def sheets_of(page: Page, name: str) -> int:
    """Print the page; return the number of sheets."""
    page.wait_for_function(DRAWN)
    page.screenshot(path=KEPT / f"{name}.png", full_page=True)
    printed = page.pdf(path=KEPT / f"{name}.pdf", prefer_css_page_size=True)
    return len(re.findall(rb"/Type\s*/Page\b", printed))


def test_a_report_is_one_sheet_and_the_deck_one_for_each_segment(demo: Demo, chromium: Browser) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    with visitor(chromium, locale="nl-NL", color_scheme="dark") as (_, page, wrong):
        page.goto(demo.console)
        page.click("text=Rapport van alle segmenten")
        page.wait_for_selector(".sheet")
        page.wait_for_load_state()
        shown = page.locator(".sheet").count()
        assert shown >= 4
        assert sheets_of(page, "deck") == shown
        assert page.evaluate(OVERFULL) == []
        assert barriers(page) == []
        (segment, *_) = re.findall(r'href="(/segments/[\w-]+)"', opened(demo.console).decode())
        page.goto(f"{demo.console}{segment}")
        page.click("text=Rapport op één pagina")
        page.wait_for_selector("[data-print]:not([hidden])")
        assert sheets_of(page, "report") == 1
        assert barriers(page) == []
        assert wrong == []


def test_a_report_fits_a_phone(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium, viewport={"width": 390, "height": 800}) as (_, page, _wrong):
        page.goto(f"{demo.console}/reports")
        page.wait_for_function(DRAWN)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
