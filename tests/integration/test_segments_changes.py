"""`streamseg segments changes` on a real Redis, and what a worker counts and appends. Issue 13, item 26."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.commands import streamseg
from streamseg.ports import Flows, Flush
from streamseg.store.redis import RedisModelStore, RedisStateStore
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import HISTORY, MEMBERSHIPS
from tests.contracts.stores import connected
from tests.integration.test_worker import read_all
from tests.support.processes import run, stored_rows, until, until_absorbed, worker

pytestmark = pytest.mark.integration

A, B = "behaviour-aaaa", "behaviour-bbbb"
PARTITIONS = 2


async def fill(url: str, today: int) -> None:
    async with connected(url) as client:
        state = RedisStateStore(client)
        entry = {"segmentation": "behaviour", "label": "Daily Athletes", "retired": None}
        await RedisModelStore(client).write_catalogue({A: json.dumps(entry).encode()})
        for partition in range(PARTITIONS):
            claimed = await state.claim(partition, "w", "layout", 1)
            days = [Flows(today - 30, {(None, B): 50}), Flows(today, {(B, A): 3, (A, None): 1})]
            for step, flows in enumerate(days):
                flush = Flush("w", claimed.flush_number + step, sizes={A: 5, B: 47}, flows=flows)
                await state.flush(partition, flush)


def printed(url: str, *options: str) -> str:
    environment = {"STREAMSEG_REDIS__URL": url}
    done = CliRunner().invoke(streamseg, ["segments", "changes", *options], env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_changes_are_read_from_all_partitions(clean_redis: str) -> None:
    asyncio.run(fill(clean_redis, int(time.time() // DAY_SECONDS)))
    found = json.loads(printed(clean_redis, "--since", "24h", "--json"))
    assert [(one["id"], one["then"], one["now"]) for one in found["segments"]] == [(B, 100, 94), (A, 6, 10)]
    assert {(one["from"], one["to"], one["moves"]) for one in found["flows"]} == {(B, A, 6), (A, None, 2)}
    assert [
        (one["then"], one["now"]) for one in json.loads(printed(clean_redis, "--since", "5w", "--json"))["segments"]
    ] == [
        (0, 94),
        (6, 10),
    ]
    text = printed(clean_redis)
    assert "Daily Athletes: 6 -> 10 (+4)" in text
    assert f"gained 6: 6 from {B}" in text


def test_a_worker_counts_its_moves_and_appends_its_changes_to_the_history(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    with worker(environment, tmp_path / "worker.log"):
        run(environment, "simulate", "--customers", "150", "--days", "45", "--speed", "max", "--wait")
        until(lambda: bool(run(environment, "segments")["segments"]), "segmented")
        until_absorbed(environment)

    rows = stored_rows(environment)
    codes = Counter(rows.segment[rows.slots_of(list(rows.slots)), 0].tolist())
    members = {id_of("behaviour", code): count for code, count in codes.items() if code != UNASSIGNED}
    found = run(environment, "segments", "changes", "--since", "56w")
    assert {one["id"]: one["now"] for one in found["segments"] if one["now"]} == members
    assert [one["then"] for one in found["segments"]] == [0] * len(found["segments"])  # all of them entered since

    def changes(topic: str) -> set[tuple[str, int, int, str]]:
        records = [json.loads(value) for _, value, _ in read_all(bootstrap, topic) if value is not None]
        return {(one["customer_id"], one["epoch"], one["seq"], json.dumps(one["changes"])) for one in records}

    assert changes(HISTORY) == changes(MEMBERSHIPS)
    entered = sum(one["moves"] for one in found["flows"] if one["from"] is None)
    assert entered == sum(members.values())  # nobody left
