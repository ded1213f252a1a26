"""A shop's site, at another origin than the API, and a browser that visits it."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.support.api import run_command

CHROMIUM = shutil.which("chromium") or "chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so in the base class
        pass


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve a folder as the shop's site; yield its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browser() -> Iterator[BrowserContext]:
    """Start a browser; its pages share storage and locks, as the tabs of a visitor do."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running.new_context()
        running.close()


@contextmanager
def browser_page() -> Iterator[Page]:
    """Start a browser with one page."""
    with browser() as tabs:
        yield tabs.new_page()


def make_key(url: str, name: str, *options: str) -> str:
    """Make an API key in the store at `url`."""
    made = run_command("keys", "create", name, *options, "--json", environment={"STREAMSEG_REDIS__URL": url})
    return str(json.loads(made.stdout)["key"])


def shown(page: Page, slot: str) -> str:
    """Return the text that a visitor sees in the slot."""
    return str(page.locator(f"#{slot}").inner_text()).strip()
