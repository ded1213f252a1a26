"""The demo with its console, as a newcomer starts it, and the browsers of people who look at it."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.browser import CHROMIUM, FLAGS
from tests.support.npm_packages.packages import npm_packages
from tests.support.processes import until

WAIT_MS: Final = 30_000
AXE_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
KEPT: Final = Path(__file__).parents[2] / ".cache" / "console"
"""Where pictures of the pages are left to look at."""


@dataclass(frozen=True)
class Demo:
    """A running demo: its console, and the environment of its processes."""

    console: str
    environment: dict[str, str]


@contextmanager
def running_demo(folder: Path, arguments: Sequence[str] = ("--speed", "14400x")) -> Iterator[Demo]:
    """Start the demo as a newcomer does, and wait until there are segments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMSEG_")}
    written = folder / "out"
    with written.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamseg.commands", "demo", "--customers", "200", *arguments],
            env=environment | {"TMPDIR": str(folder)},
            stdout=out,
            stderr=out,
        )
        try:
            until(lambda: "in your browser: http://" in written.read_text(), "the address of the console", 120)
            (address,) = re.findall(r"in your browser: (http://127\.0\.0\.1:\d+)", written.read_text())
            until(lambda: b'href="/segments/' in opened(address), "segments on the overview", 120)
            yield Demo(address, environment | environment_of(folder))
        finally:
            process.terminate()
            process.wait(30)


def opened(address: str) -> bytes:
    """Return what a console answers."""
    with urllib.request.urlopen(address) as answer:
        body: bytes = answer.read()
        return body


def environment_of(folder: Path) -> dict[str, str]:
    """Return the settings of the demo's processes."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            variables = dict(
                one.split(b"=", 1) for one in (process / "environ").read_bytes().split(b"\0") if b"=" in one
            )
        except OSError:
            continue
        if (
            b"console" in words
            and b"STREAMSEG_REDIS__URL" in variables
            and variables.get(b"TMPDIR", b"").decode() == str(folder)
        ):
            return {key.decode(): value.decode() for key, value in variables.items() if key.startswith(b"STREAMSEG")}
    raise AssertionError("the console is no process")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@contextmanager
def visitor(chromium: Browser, **options: Any) -> Iterator[tuple[BrowserContext, Page, list[str]]]:
    """Open a person's browser; yield it, its page, and what went wrong in it."""
    context, wrong = chromium.new_context(**options), []
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.on("console", lambda said: wrong.append(f"{said.text} {said.location}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield context, page, wrong
    context.close()


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe-core finds on the page, with where."""
    page.evaluate((npm_packages() / "axe-core" / "axe.min.js").read_text())  # by the debugger, past the page's policy
    options = {"runOnly": {"type": "tag", "values": AXE_RULES}}
    found = page.evaluate("async (options) => (await axe.run(document, options)).violations", options)
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]


def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")
