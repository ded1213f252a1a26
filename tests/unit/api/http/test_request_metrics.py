"""Request metrics are labelled by route pattern."""

from datetime import UTC, datetime

import pytest

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
