"""Readers of the console: pages in Chromium, and many open consoles that listen for changes."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from playwright.sync_api import sync_playwright

from tests.bench.serving.http_load import host_and_port
from tests.support.browser import CHROMIUM, FLAGS

DRAWN: Final = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return paint && document.querySelector("main h1") ? paint.startTime : null;
}"""
CHARTS: Final = "() => [...document.querySelectorAll('[data-chart]')].every((one) => one.dataset.drawn)"


def seconds_to_answer(address: str) -> float:
    """Return the time until a page has come whole."""
    began = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        answer.read()
    return time.perf_counter() - began


def milliseconds_to_draw(addresses: Sequence[str]) -> list[float]:
    """Return for each page the time from the click to its first contents on the screen, its assets known before."""
    found = []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = running.new_page(viewport={"width": 1360, "height": 900})
        page.goto(addresses[0])  # the scripts of charts, 1 MB, are fetched once and kept
        page.wait_for_function(CHARTS)
        for address in addresses:
            page.goto(address)
            found.append(float(page.wait_for_function(DRAWN).json_value()))
        running.close()
    return found


class OpenConsole:
    """A page that is kept up to date, read as a browser does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.parts = 0
        self.latest = 0.0
        """When the last part came, by `time.monotonic`."""

    @classmethod
    async def open(cls, address: str, path: str) -> "OpenConsole":
        host, port = host_and_port(address)
        reader, writer = await asyncio.open_connection(host, port, limit=2**22)
        sign = "&" if "?" in path else "?"
        writer.write(f"GET {path}{sign}as=live HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        return cls(reader, writer)

    async def read(self) -> None:
        """Read until the task is cancelled."""
        named = ""
        while line := await self._reader.readline():
            if line.startswith(b"event: "):
                named = line[7:].strip().decode()
            elif line.startswith(b"data: ") and named == "part":
                assert json.loads(line[6:])["name"].startswith("live_")
                self.parts, self.latest = self.parts + 1, time.monotonic()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
