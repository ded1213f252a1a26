"""Request metrics are labelled by route pattern."""

from datetime import UTC, datetime

import pytest

from streamseg.errors import StoreUnavailableError
from tests.support.served_api import Served

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
