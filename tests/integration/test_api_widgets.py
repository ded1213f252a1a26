"""Widgets read segments with an OpenFeature SDK, and in a page in a real browser."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
from openfeature import api as openfeature
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from playwright.sync_api import Page, sync_playwright

from streamseg.api.http.access import identity_hash
from streamseg.membership.encoding import encode
from streamseg.membership.views import ads_view
from tests.support.api import ApiProcess, put_membership, run_command
from tests.support.served_api import IDENTITY_SECRET, membership_of, segment_entry

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or "chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGE = """<!doctype html>
<script src="{api}/streamseg.js" data-key="{key}" data-customer="c-81" data-hash="{hash}"></script>
<streamseg-slot id="athlete" segment="behaviour-k7q2">
  <b slot="match">New running shoes!</b>Our bestsellers
</streamseg-slot>
<streamseg-slot id="other" segment="behaviour-secret"><b slot="match">Hidden offer</b>Nothing special</streamseg-slot>
<script>
  window.seen = [];
  document.addEventListener("streamseg-change", (event) => window.seen.push([performance.timeOrigin + performance.now(),
    event.target.id || "page"]));
</script>
"""


def make_key(url: str, name: str, *options: str) -> str:
    made = run_command("keys", "create", name, *options, "--json", environment={"STREAMSEG_REDIS__URL": url})
    return str(json.loads(made.stdout)["key"])


@pytest.fixture
def store(clean_redis: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(clean_redis) as client:
        for segment in ("behaviour-k7q2", "behaviour-m3xw", "behaviour-secret"):
            client.hset("ssg:v1:catalogue", segment, segment_entry(segment))
        yield client


def test_an_openfeature_sdk_reads_a_segment_and_sees_it_change(clean_redis: str, store: redis.Redis) -> None:
    key = make_key(clean_redis, "shop")
    put_membership(store, membership_of("c-81"))
    with ApiProcess(clean_redis) as api:
        openfeature.set_provider(OFREPProvider(api.address, headers_factory=lambda: {"Authorization": f"Bearer {key}"}))
        client = openfeature.get_client()
        who = EvaluationContext(targeting_key="c-81")
        details = client.get_string_details("segment.behaviour", "default", who)
        assert (details.value, details.reason) == ("behaviour-k7q2", "TARGETING_MATCH")
        assert client.get_boolean_value("segment.behaviour-k7q2", False, who) is True
        assert client.get_object_value("segments", {}, who) == {"behaviour": "behaviour-k7q2"}
        put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=2))
        assert client.get_string_value("segment", "default", who) == "behaviour-m3xw"
        assert client.get_boolean_value("segment.behaviour-k7q2", True, who) is False
        missing = client.get_string_details("segment.nothing", "default", who)
        assert (missing.value, missing.error_code) == ("default", "FLAG_NOT_FOUND")
        unknown = EvaluationContext(targeting_key="c-82")
        assert client.get_string_value("segment", "default", unknown) == "unassigned"
        openfeature.clear_providers()


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so in the base class
        pass


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve a folder as the shop's site, at another origin than the API."""
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
def browser_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def shown(page: Page, slot: str) -> str:
    """Return the text that a visitor sees in the slot."""
    return str(page.locator(f"#{slot}").inner_text()).strip()


def test_a_page_changes_within_a_second_of_the_membership(clean_redis: str, store: redis.Redis, tmp_path: Path) -> None:
    key = make_key(clean_redis, "page", "--publishable")
    put_membership(store, membership_of("c-81", "behaviour-m3xw"))
    with web_server(tmp_path) as site:
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([site]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-k7q2", "behaviour-m3xw"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
        }
        with ApiProcess(clean_redis, **settings) as api, browser_page() as page:
            proof = identity_hash(IDENTITY_SECRET, "c-81")
            (tmp_path / "index.html").write_text(PAGE.format(api=api.address, key=key, hash=proof))
            page.goto(site)
            page.wait_for_function("window.seen.length > 0")
            assert shown(page, "athlete") == "Our bestsellers"
            written = time.time()
            put_membership(store, membership_of("c-81", seq=2))
            page.wait_for_function("document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
            assert shown(page, "athlete") == "New running shoes!"
            changed = page.evaluate("window.seen.find((each) => each[1] === 'athlete')[0]") / 1_000
            assert changed - written < 1
            assert page.evaluate("streamseg.segments()") == {"behaviour": "behaviour-k7q2"}
            put_membership(store, membership_of("c-81", "behaviour-secret", seq=3))
            page.wait_for_function("!document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
            assert (shown(page, "athlete"), shown(page, "other")) == ("Our bestsellers", "Nothing special")
            assert page.evaluate("localStorage.length") == 0


def test_a_page_with_a_forged_hash_or_a_foreign_origin_keeps_its_fallback(
    clean_redis: str, store: redis.Redis, tmp_path: Path
) -> None:
    key = make_key(clean_redis, "page", "--publishable")
    put_membership(store, membership_of("c-81"))
    with web_server(tmp_path) as site, web_server(tmp_path) as other_site:
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([site]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
        }
        with ApiProcess(clean_redis, **settings) as api, browser_page() as page:
            for place, proof in ((site, "0" * 64), (other_site, identity_hash(IDENTITY_SECRET, "c-81"))):
                (tmp_path / "index.html").write_text(PAGE.format(api=api.address, key=key, hash=proof))
                page.goto(place)
                page.wait_for_timeout(1_000)
                assert shown(page, "athlete") == "Our bestsellers"
                assert page.evaluate("window.seen") == []


PREBID = """<!doctype html>
<script type="module">
  import { streamsegSubmodule } from "./modules/streamsegRtdProvider.js";
  const params = { api: "API", key: "KEY", customer: "c-81", hash: "HASH", bidders: ["bidderA"], timeoutMs: 10000 };
  const request = { ortb2Fragments: { global: {}, bidder: { bidderA: { site: { id: "s" } }, bidderB: {} } } };
  window.ready = streamsegSubmodule.init({ params });
  streamsegSubmodule.getBidRequestData(request, () => {
    window.targeting = [true, false].map((keyValues) =>
      streamsegSubmodule.getTargetingData(["top"], { params: { ...params, keyValues } }));
    window.request = request;
  }, { params });
</script>
"""


@pytest.mark.parametrize("ads", [True, False])
def test_the_prebid_example_gives_chosen_bidders_the_fragment_under_consent(
    clean_redis: str, store: redis.Redis, tmp_path: Path, *, ads: bool
) -> None:
    key = make_key(clean_redis, "page", "--publishable")
    view = ads_view(encode(membership_of("c-81", ads=ads)), lambda _: True)
    if view is not None:
        store.set("ssg:v1:a:c-81", view)
    for folder in ("modules", "src"):
        (tmp_path / folder).mkdir()
    example = Path("deploy/examples/streamsegRtdProvider.js").read_text()
    (tmp_path / "modules" / "streamsegRtdProvider.js").write_text(example)
    # Stand-ins for what the example imports from Prebid: registration, and a merge.
    (tmp_path / "src" / "hook.js").write_text("export const submodule = (kind, module) => { window.kind = kind; };")
    (tmp_path / "src" / "utils.js").write_text("export const mergeDeep = (...parts) => Object.assign(...parts);")
    with web_server(tmp_path) as site:
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([site]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
            "STREAMSEG_API__ADS_PROVIDER": "fitgear.example",
        }
        with ApiProcess(clean_redis, **settings) as api, browser_page() as page:
            proof = identity_hash(IDENTITY_SECRET, "c-81")
            markup = PREBID.replace("API", api.address).replace("KEY", key).replace("HASH", proof)
            (tmp_path / "index.html").write_text(markup)
            page.goto(site)
            page.wait_for_function("window.request !== undefined")
            bidder = page.evaluate("window.request.ortb2Fragments.bidder")
            assert page.evaluate("[window.ready, window.kind]") == [True, "realTimeData"]
            targeting = page.evaluate("window.targeting")
    segment = {"id": "behaviour-k7q2", "name": "behaviour-k7q2"}
    user = {"user": {"data": [{"name": "fitgear.example", "segment": [segment]}]}} if ads else {}
    assert targeting == [{"top": {"ssg": ["behaviour-k7q2"]} if ads else {}}, {"top": {}}]
    assert bidder == {"bidderA": {"site": {"id": "s"}} | user, "bidderB": {}}
