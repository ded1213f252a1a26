"""The builder of audiences in Chromium, on the demo: build by keyboard, preview, activate, change, drop. Issue 17."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Browser, Page

from tests.support.api import run_command
from tests.support.console_demo import KEPT, Demo, barriers, running_demo, tab_to, visitor
from tests.support.processes import until

pytestmark = pytest.mark.integration

SEGMENT = "status-customer"
MINE = "everybody-who-bought"
RULE = '[[audience]]\nid = "pasted"\nname = "Pasted"\npurpose = "content"\nrule.any = [\n'
PASTED = RULE + '  { event = "visit", none_within = "14 days" },\n  { not = { segment = "status-customer" } },\n]'
SIZE = "#preview .size strong"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo in which time goes on as in life, so that counts of the same minute can be compared."""
    with running_demo(tmp_path_factory.mktemp("demo"), ["--speed", "1x"]) as running:
        yield running


def memberships(demo: Demo) -> list[dict[str, Any]]:
    """The published membership of every customer."""
    with redis.Redis.from_url(demo.environment["STREAMSEG_REDIS__URL"]) as store:
        keys = list(store.scan_iter("ssg:v1:m:*", 1_000))
        return [json.loads(one) for one in store.mget(keys) if one is not None]


def in_segment(demo: Demo, segment: str) -> int:
    found = [one["segments"].get(segment.partition("-")[0]) for one in memberships(demo)]
    return sum(1 for one in found if one and one["id"] == segment)


def in_audience(demo: Demo, audience: str) -> int:
    return sum(1 for one in memberships(demo) if audience in one.get("audiences", ()))


def audit(demo: Demo) -> list[Mapping[str, Any]]:
    told = run_command(
        "audit", "--json", environment={"STREAMSEG_REDIS__URL": demo.environment["STREAMSEG_REDIS__URL"]}
    )
    found: list[Mapping[str, Any]] = json.loads(told.stdout)["changes"]
    return found


def counted(page: Page) -> int:
    page.wait_for_function("() => document.querySelector('#preview-state').textContent === ''")
    return int(re.sub(r"\D", "", page.locator(SIZE).inner_text()))


def figure(page: Page) -> int | None:
    """How many match, as the page of an audience says."""
    shown = page.locator("#live_counts .figures dd")
    return int(re.sub(r"\D", "", shown.first.inner_text())) if shown.count() else None


def test_an_audience_is_built_previewed_and_activated_by_keyboard_and_its_size_is_a_count(
    demo: Demo, chromium: Browser
) -> None:
    until(lambda: in_segment(demo, SEGMENT) > 0, "customers in the segment", 60)
    with visitor(chromium) as (_, page, wrong):
        page.goto(f"{demo.console}/builder")
        tab_to(page, "#of-name")
        page.keyboard.type("Everybody who bought")
        assert page.input_value("#of-id") == MINE
        tab_to(page, "#of-purpose")
        page.keyboard.type("Personal")
        tab_to(page, "[data-add=condition]")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.dataset.key") == "kind", "the new condition has the focus"
        page.keyboard.type("Segments")
        tab_to(page, ".boxes input")
        page.keyboard.press("Space")  # the first one is taken back, and the one that is meant ticked
        for _step in range(40):
            if SEGMENT in page.evaluate("document.activeElement.parentElement.textContent"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.wait_for_function("(id) => document.querySelector('#document').value.includes(id)", arg=SEGMENT)
        assert counted(page) == in_segment(demo, SEGMENT)
        assert page.locator(".examples li").count() == 10
        page.keyboard.press("Enter")
        assert page.url.endswith("/builder"), "Enter in a field does not activate"
        tab_to(page, "button[value=activate]")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/audiences/{MINE}")
        until(lambda: in_audience(demo, MINE) == in_segment(demo, SEGMENT), "everybody to be a member", 60)
        until(lambda: figure(page) == in_audience(demo, MINE), "the page to say how many", 60)
        assert wrong == []
    (entry,) = [one for one in audit(demo) if one["subject"] == MINE]
    assert (entry["action"], entry["before"], entry["after"]["rule"]) == (
        "declare audience",
        None,
        {"all": [{"segment": SEGMENT}]},
    )


def test_what_is_wrong_is_said_at_its_field(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium) as (_, page, _wrong):
        page.goto(f"{demo.console}/builder")
        page.click("[data-add=condition]")
        page.fill("[data-key=within]", "")
        page.locator("[data-key=at_least]").fill("40")  # rows keep three visits
        page.wait_for_selector(".condition .wrong")
        assert page.locator("[data-key=at_least]").get_attribute("aria-invalid") == "true"
        assert "needs 40" in page.locator(".condition .wrong").inner_text()
        page.locator("[data-key=at_least]").fill("2")
        page.fill("[data-key=within]", "30")
        assert counted(page) > 0
        assert page.locator("[aria-invalid=true]").count() == 0
        page.click("button[value=activate]")  # without a name
        page.wait_for_selector("#said-id:not(:empty)")
        assert page.locator("#of-id").get_attribute("aria-invalid") == "true"
        assert page.locator("[data-key=within]").input_value() == "30", "what was written is still there"


def test_pasted_text_is_taken_changed_copied_and_dropped(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium) as (_, page, wrong):
        page.goto(f"{demo.console}/builder")
        page.fill("#document", "[[audience]")
        page.click("#use-text")
        page.wait_for_selector("#wrong li")
        page.fill("#document", PASTED)
        page.click("#use-text")
        page.wait_for_function("() => document.querySelectorAll('.condition').length === 2")
        assert page.locator("#tree [data-key=group]").input_value() == "any"
        counted(page)
        assert page.input_value("#document") == PASTED, "the tree is that of the text"
        page.click("button[value=activate]")
        page.wait_for_url("**/audiences/pasted")
        page.click("a[href='/builder?change=pasted']")
        page.fill("#of-name", "Pasted and changed")
        page.click("button[value=activate]")
        page.wait_for_selector("h1:has-text('Pasted and changed')")
        page.click("a[href='/builder?copy=pasted']")
        page.wait_for_selector("#of-name")  # it is hidden until the script has filled it
        assert page.input_value("#of-name") == "Copy of Pasted and changed"
        assert page.input_value("#of-id") == ""
        page.goto(f"{demo.console}/audiences/pasted")
        page.click(".danger")
        assert page.url.endswith("/audiences/pasted"), "it is not dropped before it is confirmed"
        page.check("input[name=sure]")
        page.click(".danger")
        page.wait_for_url("**/audiences")
        assert wrong == []
    said = [(one["action"], one["after"] and one["after"]["name"]) for one in audit(demo) if one["subject"] == "pasted"]
    assert said == [("declare audience", "Pasted"), ("change audience", "Pasted and changed"), ("drop audience", None)]


def test_the_builder_is_a_plain_form_without_script(demo: Demo, chromium: Browser) -> None:
    with visitor(chromium, java_script_enabled=False) as (_, page, _wrong):
        page.goto(f"{demo.console}/builder")
        page.fill("#document", PASTED.replace('"pasted"', '"plain"').replace("visit", "vist"))
        page.click("button[value=preview]")
        assert "Line 6: event vist is not tracked; did you mean visit?" in page.locator("#wrong").inner_text()
        page.fill("#document", PASTED.replace('"pasted"', '"plain"'))
        page.click("button[value=preview]")
        assert int(page.locator(SIZE).inner_text()) > 0
        page.click("button[value=activate]")
        assert page.url.endswith("/audiences/plain")


def test_changes_by_commands_are_in_the_audit_log_too(demo: Demo, tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text(PASTED.replace('"pasted"', '"by-command"'))
    for arguments in (("add", str(file)), ("drop", "by-command")):
        assert run_command("audiences", *arguments, environment=demo.environment).returncode == 0
    said = [(one["action"], one["role"], bool(one["who"])) for one in audit(demo) if one["subject"] == "by-command"]
    assert said == [(f"{verb} audience", "command line", True) for verb in ("declare", "drop")]


def test_a_list_is_uploaded_as_a_file_with_its_report_and_counted(
    demo: Demo, chromium: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "known.csv"
    known = sorted(one["customer_id"] for one in memberships(demo))[:30]
    file.write_text("\n".join(["customer_id", *known, known[0], "nobody-we-know"]))
    with visitor(chromium) as (_, page, wrong):
        page.goto(f"{demo.console}/lists")
        page.fill("#id", "known")
        page.set_input_files("#file", file)
        page.wait_for_function("() => !document.querySelector('#content').required")
        page.click("#upload button")
        page.wait_for_selector("#report")
        assert page.locator("#report ~ .figures dd").all_inner_texts()[:3] == ["32", "32", "1"]
        assert barriers(page) == []
        page.click("a[href='/lists/known']")
        page.wait_for_selector(".figures small")
        on_it = page.locator(".figures dd").nth(3).inner_text()
        assert int(on_it.split()[0]) == 30
        assert barriers(page) == []
        assert wrong == []


LOOKS = [("light", 1360, "en-GB"), ("dark", 1360, "nl-NL"), ("light", 390, "sv-SE"), ("dark", 390, "en-GB")]


@pytest.mark.parametrize(("scheme", "width", "locale"), LOOKS)
def test_the_builder_is_accessible_in_light_and_dark_narrow_and_wide(
    demo: Demo, chromium: Browser, scheme: str, width: int, locale: str
) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    size = {"width": width, "height": 900}
    with visitor(chromium, color_scheme=scheme, viewport=size, locale=locale) as (_, page, wrong):
        page.goto(f"{demo.console}/builder")
        page.fill("#of-name", "Some")
        page.click("[data-add=condition]")
        kinds = [one.get_attribute("value") or "" for one in page.locator("[data-key=kind] option").all()]
        for number, kind in enumerate(kinds):
            if number:
                page.locator("#tree > fieldset > .row [data-add=condition]").click()
            page.locator("[data-key=kind]").nth(number).select_option(kind)
        page.locator("#tree > fieldset > .row [data-add=group]").click()
        page.wait_for_selector(".group .group + .wrong, .group .group .wrong")  # a group with nothing in it
        assert len(kinds) > 8
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "too wide"
        page.screenshot(path=KEPT / f"builder-{scheme}-{width}.png", full_page=True)
        assert barriers(page) == []
        assert wrong == []
