"""Audiences on real Kafka and Redis equal a count by brute force: at rest, in silence, after a kill and a rebalance."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streamseg.pipeline import CLOCK
from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.sources.sending import heartbeats
from streamseg.topics import MEMBERSHIPS
from streamseg.wiring.stores import stores
from tests.integration.test_worker import read_all
from tests.support.brute_audiences import DAY, FILE, SETTINGS, members_of
from tests.support.processes import run, send, settings_of, until, until_absorbed, worker

pytestmark = pytest.mark.integration

ENDS_AT = 1_795_000_000.0


def shuffled(events: list[SourceEvent], seed: int) -> list[SourceEvent]:
    """The events out of order within short stretches, some of them twice."""
    draw, out = random.Random(seed), list[SourceEvent]()
    for start in range(0, len(events), 60):
        piece = events[start : start + 60]
        piece += draw.sample(piece, min(3, len(piece)))
        draw.shuffle(piece)
        out += piece
    return out


def state_of(environment: Mapping[str, str]) -> tuple[dict[int, float], dict[str, set[str]]]:
    """The clock of each partition, and who is in which audience by the published strings."""

    async def read() -> tuple[dict[int, float], dict[str, set[str]]]:
        clocks, inside = {}, defaultdict[str, set[str]](set)
        async with stores(settings_of(environment)) as (state, memberships, _):
            partition = 0
            while (metadata := await state.metadata(partition)) is not None:
                clocks[partition] = float(metadata.checkpoint.get(CLOCK, 0))
                cursor = -1
                while cursor != 0:
                    cursor, listed = await state.scan(partition, max(cursor, 0), 1_000)
                    customers = [customer for customer, _ in listed]
                    for customer, string in zip(customers, await memberships.read(customers), strict=True):
                        for audience in json.loads(string).get("audiences", ()) if string else ():
                            inside[audience].add(customer)
                partition += 1
        return clocks, dict(inside)

    return asyncio.run(read())


def until_equal(
    environment: Mapping[str, str], events: list[SourceEvent], now: float, dropped: str = ""
) -> dict[str, set[str]]:
    """Wait until the audiences are those that a count by brute force finds at `now`, but for a dropped one."""
    expected = {name: found for name, found in members_of(events, now).items() if found and name != dropped}
    end = time.monotonic() + 30.0
    while (found := state_of(environment)[1]) != expected and time.monotonic() < end:
        time.sleep(0.2)
    assert found == expected
    return expected


def pass_time(environment: Mapping[str, str], now: float) -> None:
    """Let the event clock of all partitions go on, without an event."""
    producer = Producer({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
    partitions = len(state_of(environment)[0])
    for one in heartbeats(now, partitions):
        producer.produce(one.topic, value=one.value, headers=list(one.headers), partition=one.partition or 0)
    assert producer.flush(30) == 0


def balance_of_changes(environment: Mapping[str, str]) -> dict[str, set[str]]:
    """Who is in which audience by the change topic alone; each entry and exit must have its opposite.

    A tombstone means: forget the customer.
    """
    inside, seen = defaultdict[str, set[str]](set), set[tuple[str, int, int]]()
    for key, value, _ in read_all(environment["STREAMSEG_KAFKA__BOOTSTRAP"], MEMBERSHIPS):
        if value is None:
            for members in inside.values():
                members.discard((key or b"").decode())
            continue
        told = json.loads(value)
        order = ((key or b"").decode(), told.get("epoch", 0), told.get("seq", 0))
        if order in seen:
            continue
        seen.add(order)
        for one in told.get("audience_changes", ()):
            members = inside[one["audience"]]
            assert (one["change"] == "entered") != (order[0] in members), (order, one)
            members.symmetric_difference_update({order[0]})
    return {name: found for name, found in inside.items() if found}


def test_audiences_are_those_of_a_count_by_brute_force(environment: dict[str, str], tmp_path: Path) -> None:
    bootstrap, environment = environment["STREAMSEG_KAFKA__BOOTSTRAP"], environment | SETTINGS
    events = list(FitGear(200, 60, 16, ends_at=ENDS_AT))
    half = len(events) // 2
    file = tmp_path / "audiences.toml"
    file.write_text(FILE)
    with worker(environment, tmp_path / "killed.log") as killed, worker(environment, tmp_path / "worker.log"):
        send(bootstrap, shuffled(events[:half], 1))
        until_absorbed(environment)
        assert len(run(environment, "audiences", "preview", str(file))["audiences"]) == 4
        assert {one["id"] for one in run(environment, "audiences", "add", str(file))["added"]} == {
            "regulars", "gone-quiet", "big-spenders", "undecided",
        }  # fmt: skip
        now = max(state_of(environment)[0].values())
        pass_time(environment, now + 60.0)
        until_equal(environment, events[:half], now + 60.0)
        killed.kill()
        send(bootstrap, shuffled(events[half:], 2))
        until_absorbed(environment)
        now = ENDS_AT + 60.0
        for days in (0.0, 0.5, 1.0, 2.0):
            pass_time(environment, now + days * DAY)
            expected = until_equal(environment, events, now + days * DAY)
        assert balance_of_changes(environment) == expected
        counted = {one["id"]: one for one in run(environment, "audiences")["audiences"]}
        assert {name: one["matched"] for name, one in counted.items()} == {
            name: len(expected.get(name, ())) for name in counted
        }
        assert all(one["matched"] == one["known"] >= one["consented"] >= one["exported"] for one in counted.values())
        found = run(environment, "verify")
        assert found == found | {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0}

        run(environment, "audiences", "drop", "gone-quiet")
        until(lambda: "gone-quiet" not in state_of(environment)[1], "left")
    run(environment, "rebuild")
    with worker(environment, tmp_path / "worker.log"):
        pass_time(environment, now + 3 * DAY)
        expected = until_equal(environment, events, now + 3 * DAY, "gone-quiet")
        assert balance_of_changes(environment) == expected
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
