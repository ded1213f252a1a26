"""Request metrics are labelled by route pattern."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from streamseg.errors import StoreUnavailableError
from streamseg.ports import ApiKey
from tests.support.served_api import AS_OF, Served, entry_of, membership_of

pytestmark = pytest.mark.asyncio


async def test_metrics_name_no_customer() -> None:
    event = {
        "event_id": "e-1",
        "customer_id": "c-very-secret",
        "occurred_at": datetime.now(UTC).isoformat(),
        "event_name": "view_item",
    }
    async with Served().client() as client:
        await client.get("/v1/customers/c-very-secret/segments")
        sent = await client.post("/v1/events", json={"kind": "click", "event": event})
        await client.get("/no/c-very-secret")
        metrics = (await client.get("/metrics")).text
    assert sent.status_code == 202
    assert 'route="/v1/customers/{id:path}/segments"' in metrics
    assert 'streamseg_api_lookups_total{result="miss"} 1.0' in metrics
    assert "c-very-secret" not in metrics


async def test_the_api_shows_the_probes_that_readers_can_see_and_lets_them_grow_old() -> None:
    served = Served()
    await served.memberships.note_probe(3, 1_795_416_003.125)
    async with served.api() as api, served.client(api=api) as client:
        seen = 'streamseg_probe_timestamp_seconds{partition="3",stage="served"} 1.795416003125e+09'
        assert seen in (await client.get("/metrics")).text

        async def away() -> dict[int, float]:
            raise StoreUnavailableError("Redis: away")

        served.memberships.probes = away
        await api.refresh()
        assert seen in (await client.get("/metrics")).text


async def test_metrics_are_openmetrics_for_who_accepts_it() -> None:
    accepted = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    async with Served().client() as client:
        plain, asked = await client.get("/metrics"), await client.get("/metrics", headers=accepted)
    assert plain.headers["content-type"].startswith("text/plain")
    assert asked.headers["content-type"].startswith("application/openmetrics-text")
    assert asked.text.endswith("# EOF\n")
    parse: Any = text_string_to_metric_families  # untyped
    assert {"streamseg_api_lookups", "streamseg_build_info"} <= {family.name for family in parse(asked.text)}


async def test_the_ages_of_answered_memberships_are_shown() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of(customer)) for customer in ("c-81", "c-82")])
    async with served.client() as client:
        await client.get("/v1/customers/c-81/segments")
        await client.get("/v1/customers/c-99/segments")
        await client.post("/v1/segments:batchGet", json={"ids": ["c-81", "c-82", "c-99"]})
        metrics = (await client.get("/metrics")).text
    assert "streamseg_api_answer_age_seconds_count 3.0" in metrics
    assert 'streamseg_api_answer_age_seconds_bucket{le="1.0"} 0.0' in metrics


async def test_the_end_of_keys_is_shown_by_name_where_none_is_for_ever() -> None:
    served = Served()
    ends: dict[str, list[int | None]] = {"ending": [AS_OF + 10, AS_OF + 90], "renewed": [AS_OF + 10, None]}
    for name, each in ends.items():
        for number, end in enumerate(each):
            await served.keys.put(ApiKey(f"{name}-{number}", name, "secret", f"{name}{number}", AS_OF, end))
    async with served.client() as client:
        metrics = (await client.get("/metrics")).text
    shown = re.findall(r'key_expiry_timestamp_seconds{name="(.*)"} (.*)', metrics)
    assert [(name, float(end)) for name, end in shown] == [("ending", AS_OF + 90.0)]
