"""A worker on a real Cluster of which a node without rows is away: all customers of the other nodes are served."""

import asyncio
import time
from pathlib import Path

import pytest

from streamseg.errors import StoreUnavailableError
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.slots import slot_of
from streamseg.wiring.stores import stores
from tests.support.kafka.topics import remake_topics
from tests.support.processes import run, send, settings_of, until, until_absorbed, worker
from tests.support.redis_cluster import RedisCluster

pytestmark = pytest.mark.integration

PARTITIONS = 2
"""Their rows lie on at most two of three nodes."""
ROUNDS = 12
"""More than the deliveries that queue up before a relay that waits stops its partition."""
GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}


def clicks(customers: list[str], number: int) -> list[SourceEvent]:
    """One click of each customer."""
    at = time.time() - 1e6 + number
    return [
        SourceEvent(
            "click",
            f"{customer}-{number}",
            customer,
            at,
            f'{{"event_id":"{customer}-{number}","customer_id":"{customer}","event_name":"view_item",'
            f'"occurred_at":"{rfc3339(at)}"}}'.encode(),
        )
        for customer in customers
    ]


async def served(environment: dict[str, str], customers: list[str]) -> set[str]:
    """The customers with a membership that can be read."""
    found = set()
    async with stores(settings_of(environment)) as (_, memberships, _):
        for customer in customers:
            try:
                if (await memberships.read([customer]))[0] is not None:
                    found.add(customer)
            except StoreUnavailableError:
                continue
    return found


@pytest.mark.parametrize("outage", ["killed", "frozen"])
def test_customers_of_the_nodes_that_answer_are_served_on(
    environment: dict[str, str], kafka_topics: str, tmp_path: Path, outage: str
) -> None:
    with RedisCluster(replicas=0) as nodes:
        remake_topics(kafka_topics, PARTITIONS)
        environment |= {"STREAMSEG_REDIS__URL": nodes.url, "STREAMSEG_REDIS__TIMEOUT_SECONDS": "1"}
        homes = [nodes.serving(slot_of(keys.metadata(number).encode())) for number in range(PARTITIONS)]
        away = next(node for node in nodes.primaries() if node not in homes)
        customers = [f"d-{number}" for number in range(300)]
        reached = [
            one
            for one in customers
            if away
            not in [nodes.serving(slot_of(name.encode())) for name in (keys.membership(one), keys.ADS_PREFIX + one)]
        ]
        assert 0 < len(reached) < len(customers)
        with worker(environment, tmp_path / "worker.log"):
            send(kafka_topics, clicks([f"c-{number}" for number in range(50)], 0))
            until_absorbed(environment)
            (away.kill if outage == "killed" else away.pause)()
            began = time.monotonic()
            for number in range(1, ROUNDS):
                send(kafka_topics, clicks(customers[number::ROUNDS], number))
                time.sleep(0.3)
            send(kafka_topics, clicks(customers, ROUNDS))
            until(lambda: asyncio.run(served(environment, reached)) == set(reached), "served", 20.0)
            assert time.monotonic() - began < 40
            (away.start if outage == "killed" else away.resume)()
            until_absorbed(environment)
            found = run(environment, "verify")
    assert found == found | GOOD | {"customers": 350}
