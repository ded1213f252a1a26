"""Widgets read segments with an OpenFeature SDK, and in a page in a real browser."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from openfeature import api as openfeature
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from streamseg.api.http.access import identity_hash
from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from tests.support.api import ApiProcess, put_membership
from tests.support.browser import browser_page, make_key, shown, web_server
from tests.support.served_api import IDENTITY_SECRET, membership_of, segment_entry

pytestmark = pytest.mark.integration

PAGE = """<!doctype html>
<script src="{api}/streamseg.js" data-key="{key}" data-customer="c-81" data-hash="{hash}"></script>
<streamseg-slot id="athlete" segment="behaviour-k7q2">
  <b slot="match" hidden>New running shoes!</b>Our bestsellers
</streamseg-slot>
<streamseg-slot id="other" segment="behaviour-secret">
  <b slot="match" hidden>Hidden offer</b>Nothing special
</streamseg-slot>
<script>
  window.seen = [];
  document.addEventListener("streamseg-change", (event) => window.seen.push([performance.timeOrigin + performance.now(),
    event.target.id || "page"]));
</script>
"""


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


def test_a_page_follows_a_public_audience(clean_redis: str, store: redis.Redis, tmp_path: Path) -> None:
    key = make_key(clean_redis, "page", "--publishable")
    declared = DeclaredAudiences().with_("readers", {"id": "readers", "purpose": "content", "minimum_size": 5}, 3)
    store.hset("ssg:v1:audiences", mapping={"version": declared.generation, "snapshot": declared.encode()})
    store.set("ssg:v1:audience-sizes", AudienceSizes(1, {"readers": 9}, {"readers": 5}).encode())
    put_membership(store, replace(membership_of("c-81"), audiences=("readers",)))
    with web_server(tmp_path) as site:
        settings = {
            "STREAMSEG_API__ALLOWED_ORIGINS": json.dumps([site]),
            "STREAMSEG_API__PUBLIC_AUDIENCES": json.dumps(["read*"]),
            "STREAMSEG_API__IDENTITY_SECRETS": json.dumps([IDENTITY_SECRET]),
        }
        with ApiProcess(clean_redis, **settings) as api, browser_page() as page:
            proof = identity_hash(IDENTITY_SECRET, "c-81")
            markup = PAGE.format(api=api.address, key=key, hash=proof).replace(
                'segment="behaviour-k7q2"', 'audience="readers"'
            )
            (tmp_path / "index.html").write_text(markup)
            page.goto(site)
            page.wait_for_function("document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
            assert page.evaluate("streamseg.isInAudience('readers')") is True
            put_membership(store, replace(membership_of("c-81", seq=2), audiences=()))
            page.wait_for_function("!document.querySelector('#athlete').hasAttribute('matched')", timeout=5_000)
            assert shown(page, "athlete") == "Our bestsellers"


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
