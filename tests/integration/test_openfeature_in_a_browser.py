"""The OpenFeature SDK for browsers, with its OFREP provider, follows a membership in Chromium. Issue 13, item 18."""

import json
from pathlib import Path

import pytest
import redis

from streamseg.api.http.access import identity_hash
from tests.support.api import ApiProcess, put_membership
from tests.support.browser import browser, make_key, web_server
from tests.support.npm_packages.packages import npm_packages
from tests.support.served_api import IDENTITY_SECRET, membership_of, segment_entry

pytestmark = pytest.mark.integration

PAGE = """<!doctype html>
<script type="importmap">{ "imports": {
  "@openfeature/core": "/node_modules/@openfeature/core/dist/esm/index.js",
  "@openfeature/web-sdk": "/node_modules/@openfeature/web-sdk/dist/esm/index.js",
  "@openfeature/ofrep-core": "/node_modules/@openfeature/ofrep-core/index.esm.js",
  "@openfeature/ofrep-web-provider": "/node_modules/@openfeature/ofrep-web-provider/index.esm.js"
} }</script>
<script type="module">
  import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
  import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
  await OpenFeature.setContext({ targetingKey: "c-81" });
  const headers = [["X-API-Key", "{key}"], ["X-Streamseg-Hash", "{hash}"]];
  await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: "{api}", headers }));
  const client = OpenFeature.getClient();
  window.changes = 0;
  client.addHandler(ProviderEvents.ConfigurationChanged, () => { window.changes++; });
  window.segment = () => client.getStringDetails("segment.behaviour", "default");
</script>
"""


def test_the_sdk_reads_a_segment_and_follows_it_also_from_its_own_cache(clean_redis: str, tmp_path: Path) -> None:
    key = make_key(clean_redis, "page", "--publishable")
    (tmp_path / "node_modules").symlink_to(npm_packages())
    with redis.Redis.from_url(clean_redis) as store, web_server(tmp_path) as site:
        for segment in ("behaviour-k7q2", "behaviour-m3xw"):
            store.hset("ssg:v1:catalogue", segment, segment_entry(segment))
        put_membership(store, membership_of("c-81", "behaviour-m3xw"))
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([site]),
            "STREAMSEG_API__PUBLIC_SEGMENTS": json.dumps(["behaviour-*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
        }
        with ApiProcess(clean_redis, **settings) as api, browser() as tabs:
            proof = identity_hash(IDENTITY_SECRET, "c-81")
            markup = PAGE.replace("{api}", api.address).replace("{key}", key).replace("{hash}", proof)
            (tmp_path / "index.html").write_text(markup)
            answers: list[int] = []
            page = tabs.new_page()
            page.on("response", lambda answer: answers.append(answer.status) if "/ofrep/" in answer.url else None)

            def wait_for(segment: str) -> None:
                page.wait_for_function(f"window.segment && segment().value === '{segment}'", timeout=10_000)

            page.goto(site)
            wait_for("behaviour-m3xw")
            assert page.evaluate("segment().reason") == "TARGETING_MATCH"
            page.wait_for_timeout(1_000)  # the provider opens its stream after its first answer
            put_membership(store, membership_of("c-81", seq=2))
            wait_for("behaviour-k7q2")
            assert page.evaluate("changes") >= 1

            # The provider keeps flags, validator and stream address in the browser: a 304 must leave them good.
            page.reload()
            wait_for("behaviour-k7q2")
            page.wait_for_timeout(1_000)
            assert answers[-1] == 304
            put_membership(store, membership_of("c-81", "behaviour-m3xw", seq=3))
            wait_for("behaviour-m3xw")
