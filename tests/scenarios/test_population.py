"""A never-buyer buys and is in a found segment at once, and is outside again with the refund. Issue 14, number 5."""

import asyncio
import json
from dataclasses import replace

from streamseg.clustering.population import Population
from streamseg.membership.encoding import decode
from streamseg.topics import CLICKS, MEMBERSHIPS, PURCHASES, SAMPLES
from tests.support.partition import NUMBER, SNAPSHOT, OnePartition, Servers, until

OUTSIDE = "behaviour-outside"
CUSTOMER = "c-1"


def order(servers: Servers, number: int, at: float, **more: object) -> None:
    money = {"transaction_id": f"t-{number}", "value": 40.0, "currency": "EUR"}
    servers.log.event(PURCHASES, CUSTOMER, f"p-{number}", at, **money | more)


def moves(servers: Servers) -> list[tuple[str, str]]:
    """What readers of the change topic were told of the customer."""
    told = [json.loads(record.value or b"{}") for record in servers.log.records[MEMBERSHIPS]]
    return [
        (change["change"], change["segment"])
        for one in told
        if one.get("customer_id") == CUSTOMER
        for change in one["changes"]
    ]


def sampled(servers: Servers) -> set[bytes]:
    """Keys of the samples that stand; the other records say that a backfill has ended."""
    latest = {record.key: record.value for record in servers.log.records[SAMPLES]}
    return {key for key, value in latest.items() if key and value and b"|" in key}


async def segment_of(servers: Servers) -> str | None:
    (string,) = await servers.memberships.read([CUSTOMER])
    standing = None if string is None else decode(string).segments["behaviour"]
    return None if standing is None else standing.id


async def sizes_of(servers: Servers) -> dict[str, int]:
    metadata = await servers.state.metadata(NUMBER)
    assert metadata is not None
    return dict(metadata.sizes)


def test_a_purchase_and_its_refund_move_a_customer_at_once_and_nobody_outside_is_learned_from() -> None:
    async def go() -> None:
        servers = Servers()
        await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        worker = OnePartition(servers, "worker")
        spent = Population.parse("lifetime_spend > 0")
        worker.models.segmentations = [replace(one, population=spent) for one in worker.models.segmentations]
        await worker.begin()
        for n, customer in enumerate((CUSTOMER, "c-2", "c-3")):
            servers.log.event(CLICKS, customer, f"e-{n}", 0.0, event_name="view_item")
        await until(lambda: worker.is_done)
        assert await segment_of(servers) == OUTSIDE
        assert await sizes_of(servers) == {OUTSIDE: 3}
        assert sampled(servers) == set()

        order(servers, 1, 60.0)
        await until(lambda: worker.is_done)
        found = await segment_of(servers)
        assert found in SNAPSHOT.segments, "at once, although the segmentation asks for three looks"
        assert await sizes_of(servers) == {OUTSIDE: 2, found: 1}
        assert sampled(servers) == {f"behaviour|{CUSTOMER}".encode()}

        order(servers, 1, 120.0, event_name="refund")
        await until(lambda: worker.is_done)
        assert await segment_of(servers) == OUTSIDE
        assert await sizes_of(servers) == {OUTSIDE: 3}
        assert sampled(servers) == set(), "nothing of who left is left to learn from"
        assert moves(servers) == [
            ("entered", OUTSIDE), ("exited", OUTSIDE), ("entered", found), ("exited", found), ("entered", OUTSIDE),
        ]  # fmt: skip

        await worker.sweep()
        assert await sizes_of(servers) == {OUTSIDE: 3}
        assert worker.metrics.sizes_corrected._value.get() == 0
        assert (await servers.verdict()).good
        await worker.close()

    asyncio.run(go())
