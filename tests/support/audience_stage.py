"""An API with an audience and ten stored customers."""

from typing import Any

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.clustering.identity import code_of
from streamseg.features.layout import Layout
from streamseg.pipeline import look_at_audiences
from streamseg.service.audiences import read_declared
from streamseg.wiring.declared_audiences import live_audiences
from tests.support.rows import DAY, NOON, Slab, click, consent, purchase
from tests.support.served_api import WRITES, Served
from tests.support.stored_rows import store_rows

LAYOUT = Layout.of(audiences=4)
CUSTOMERS = [f"c-{n}" for n in range(10)]
BUYERS: dict[str, Any] = {
    "id": "buyers",
    "name": "Buyers",
    "purpose": "ads",
    "minimum_size": 2,
    "rule": {"event": "purchase"},
}


def document(*definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a document that declares audiences."""
    return {"audience": list(definitions)}


async def stage() -> Served:
    """Ten customers, of whom the first five have bought, and two of these consent to ads."""
    served = Served(layout=LAYOUT)
    async with served.client(WRITES) as client:
        assert (await client.post("/v1/audiences", json=document(BUYERS))).status_code == 200
    slab = Slab(LAYOUT, CUSTOMERS)
    slab.feed([click(NOON) for _ in CUSTOMERS], range(10))
    slab.feed([purchase(NOON + n) for n in range(5)], range(5))
    slab.feed([consent(NOON, ads=True) for _ in range(2)], range(2))
    slab.rows.segment[slab.all, 0] = [code_of("behaviour-aaaa" if n < 4 else "behaviour-bbbb") for n in range(10)]
    slab.rows.published_wall[slab.all] = 1
    live, _ = live_audiences(LAYOUT, await read_declared(served.models))
    look_at_audiences(slab.rows, slab.all, NOON + DAY, live)
    await served.models.write_audience_sizes(AudienceSizes(1, {"buyers": 5}, {"buyers": 2}).encode())
    await store_rows(served.state, LAYOUT, dict(zip(CUSTOMERS, slab.stored(), strict=True)), 0, 1)
    return served
