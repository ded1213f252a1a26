"""Status and journey phase on real Kafka and Redis equal a count by brute force, and come and go without a rebuild."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from streamseg.sources.fitgear import FitGear
from streamseg.topics import MEMBERSHIPS
from streamseg.wiring.stores import stores
from tests.integration.test_audiences import pass_time, shuffled
from tests.integration.test_worker import read_all
from tests.support.brute_audiences import DAY
from tests.support.brute_segments import segments_of
from tests.support.processes import run, send, settings_of, until, until_absorbed, worker

pytestmark = pytest.mark.integration

ENDS_AT = 1_760_000_000.0
"""More than a year ago: time passes after it."""
GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}
PLAIN = {
    "STREAMSEG_SEGMENTATIONS__BEHAVIOUR__PACK": "behaviour",
    "STREAMSEG_MEMBERSHIP__BOUND_SECONDS": str(4_000 * DAY),  # no sweep may come before the windows end
    "STREAMSEG_FEATURES__REMEMBERED_EVENT_IDS": "128",
}
PACKS = PLAIN | {
    "STREAMSEG_SEGMENTATIONS__STATUS__PACK": "status",
    "STREAMSEG_SEGMENTATIONS__JOURNEY__PACK": "journey",
}
Pairs = dict[str, tuple[str | None, ...]]


def told(environment: Mapping[str, str], *segmentations: str) -> Pairs:
    """The published segments of each customer in these segmentations."""

    async def read() -> Pairs:
        found: Pairs = {}
        async with stores(settings_of(environment)) as (state, memberships, _):
            partition = 0
            while await state.metadata(partition) is not None:
                cursor = -1
                while cursor != 0:
                    cursor, listed = await state.scan(partition, max(cursor, 0), 1_000)
                    customers = [customer for customer, _ in listed]
                    for customer, string in zip(customers, await memberships.read(customers), strict=True):
                        segments = json.loads(string)["segments"] if string else {}
                        found[customer] = tuple((segments.get(name) or {}).get("id") for name in segmentations)
                partition += 1
        return found

    return asyncio.run(read())


def until_told(environment: Mapping[str, str], expected: Mapping[str, tuple[str | None, ...]], *names: str) -> None:
    end = time.monotonic() + 60.0
    while (found := told(environment, *names)) != expected and time.monotonic() < end:
        time.sleep(0.2)
    assert found == expected


def by_changes(environment: Mapping[str, str], segmentation: str) -> dict[str, str]:
    """Who is in which segment by the change topic alone: each exit is of the segment that was entered."""
    inside, seen = dict[str, str](), set[tuple[str, int, int]]()
    for key, value, _ in read_all(environment["STREAMSEG_KAFKA__BOOTSTRAP"], MEMBERSHIPS):
        record = json.loads(value) if value is not None else {}
        customer = (key or b"").decode()
        if (order := (customer, record.get("epoch", 0), record.get("seq", 0))) in seen:
            continue
        seen.add(order)
        for one in record.get("changes", ()):
            if one["segmentation"] == segmentation:
                if one["change"] == "exited":
                    assert inside.pop(customer) == one["segment"]
                else:
                    assert customer not in inside
                    inside[customer] = one["segment"]
    return inside


def sizes(environment: Mapping[str, str], segmentation: str) -> dict[str, int]:
    listed = run(environment, "segments")["segments"]
    return {one["id"]: one["size"] for one in listed if one["segmentation"] == segmentation and one["size"]}


def until_sizes(environment: Mapping[str, str], segmentation: str, members: Mapping[str, int]) -> None:
    until(lambda: sizes(environment, segmentation) == members, f"sizes of {segmentation}")


def test_status_and_phase_are_those_of_a_count_by_brute_force(environment: dict[str, str], tmp_path: Path) -> None:
    bootstrap, environment = environment["STREAMSEG_KAFKA__BOOTSTRAP"], environment | PACKS
    events = list(FitGear(200, 60, 16, ends_at=ENDS_AT))
    half = len(events) // 2
    phases = set[str | None]()
    with worker(environment, tmp_path / "killed.log") as killed, worker(environment, tmp_path / "worker.log"):
        send(bootstrap, shuffled(events[:half], 1))
        until_absorbed(environment)
        killed.kill()
        send(bootstrap, shuffled(events[half:], 2))
        until_absorbed(environment)
        for days in (0.01, 2.0, 8.0, 31.0, 61.0, 181.0, 366.0):
            pass_time(environment, ENDS_AT + days * DAY)
            expected = segments_of(events, ENDS_AT + days * DAY)
            until_told(environment, expected, "status", "journey")
            phases |= {phase for _, phase in expected.values()}
        assert phases > {"journey-lost", "journey-lapsing", "journey-returning", "journey-buying", "journey-aware"}
        for place, name in enumerate(("status", "journey")):
            assert by_changes(environment, name) == {one: pair[place] for one, pair in expected.items()}
            members = Counter(pair[place] for pair in expected.values())
            until_sizes(environment, name, members)
        found = run(environment, "verify")
        assert found == found | GOOD
        customer = min(expected)
        why = run(environment, "lookup", customer, "--why")["why"]["status"]["declared"]
        assert why["rules"][-1]["segment"] == expected[customer][0]
        labels = {one["id"]: one["label"] for one in run(environment, "segments", "--lang", "nl")["segments"]}
        assert labels["status-lapsed"] == "Afgehaakte klanten"
    assert "Traceback" not in (tmp_path / "worker.log").read_text()


def test_a_declared_segmentation_comes_changes_and_goes_without_a_rebuild(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap, plain = environment["STREAMSEG_KAFKA__BOOTSTRAP"], environment | PLAIN
    events = list(FitGear(80, 20, 16, ends_at=ENDS_AT))
    orders = Counter({event.customer_id: 0 for event in events})
    for event in events:
        if event.kind == "purchase" and json.loads(event.value).get("event_name", "purchase") == "purchase":
            orders[event.customer_id] += 1
    file = tmp_path / "loyalty.toml"
    with_loyalty = plain | {"STREAMSEG_SEGMENTATIONS__LOYALTY__RULES": str(file)}

    def declare(**least: int) -> dict[str, tuple[str | None, ...]]:
        """Write the file; return who is expected where."""
        texts = [
            f'[[segment]]\nid = "{name}"\nname = "{name}"\nrule = {{ feature = "transactions", at_least = {count} }}'
            for name, count in least.items()
        ]
        file.write_text("\n".join(texts))
        first = {
            customer: next((name for name, count in least.items() if made >= count), None)
            for customer, made in orders.items()
        }
        return {one: (None if name is None else f"loyalty-{name}",) for one, name in first.items()}

    with worker(plain, tmp_path / "worker.log"):
        send(bootstrap, events)
        until_absorbed(plain)
    expected = declare(gold=3, silver=1)
    with worker(with_loyalty, tmp_path / "worker.log"):
        until_told(with_loyalty, expected, "loyalty")
    assert {"loyalty-gold", "loyalty-silver", None} <= {one for (one,) in expected.values()}
    expected = declare(gold=2, member=1)
    with worker(with_loyalty, tmp_path / "worker.log"):
        until_told(with_loyalty, expected, "loyalty")
        inside = {one: segment for one, (segment,) in expected.items() if segment is not None}
        assert by_changes(with_loyalty, "loyalty") == inside
        until_sizes(with_loyalty, "loyalty", Counter(inside.values()))
        run(with_loyalty, "segments", "drop", "loyalty")
        until(lambda: by_changes(with_loyalty, "loyalty") == {}, "left")
        until_sizes(with_loyalty, "loyalty", Counter())
    with worker(plain, tmp_path / "worker.log"):
        send(bootstrap, FitGear(20, 3, 17, ends_at=ENDS_AT))
        until_absorbed(plain)
        found = run(plain, "verify")
    assert found == found | GOOD
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
