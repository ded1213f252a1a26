"""Compare what is left after a run: the store, the topics, and the list of what was sent."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from streamseg.events.record import MemoryRecord
from streamseg.features.layout import Layout
from streamseg.kafka.topic_reader import TopicReader
from streamseg.ports import StateStore
from streamseg.repair.redrive import all_letters
from streamseg.repair.row_comparison import RowDifference
from streamseg.repair.stored_rows import copy_partition
from streamseg.settings import Settings
from streamseg.store.key_names import ADS_PREFIX, MEMBERSHIP_PREFIX
from streamseg.topics import DEAD_LETTERS, MEMBERSHIPS, SAMPLES
from streamseg.wiring import build_repair
from streamseg.wiring.derived import derive
from streamseg.wiring.redis_clients import redis_client
from streamseg.wiring.stores import stored_layout, stores
from tests.chaos.audiences import wrong_audiences
from tests.chaos.kept_promises import (
    customers_with_events,
    customers_with_values,
    summary,
    untrue_to_ads,
    wrong_sizes,
    wrongly_set_aside,
)
from tests.chaos.load import Load
from tests.chaos.reference import compare_with_sent

SETTLE_SECONDS: Final = 60.0
"""Longest time for a last sweep, and for what a frozen owner delivered late to be undone."""
POLL_SECONDS: Final = 2.0
RECORDS_SHOWN: Final = 5
"""Change records that are shown of a customer whose row, string and change records disagree."""


@dataclass
class Outcome:
    """What differs from what was promised. All empty is right."""

    differences: list[RowDifference] = field(default_factory=list)
    changes_missing: list[str] = field(default_factory=list)
    sizes_wrong: list[str] = field(default_factory=list)
    """Segments of a partition whose size is not the number of rows in them."""
    erased_left: list[str] = field(default_factory=list)
    """Where something of an erased customer is left."""
    withdrawn_shown: list[str] = field(default_factory=list)
    """Customers without consent whom the ads view shows, or of whom a subscriber was told what does not fit."""
    set_aside_wrong: list[str] = field(default_factory=list)
    """Poisoned records that are not in the dead letters, and good ones that are."""
    audiences_wrong: list[str] = field(default_factory=list)
    """Where row, rule, string, last change record and size of an audience disagree."""

    @property
    def good(self) -> bool:
        """Whether nothing differs."""
        return not any(vars(self).values())


async def compare(settings: Settings, load: Load) -> Outcome:
    """Wait until deletions and sizes have settled, then compare everything."""
    outcome, until = Outcome(), time.monotonic() + SETTLE_SECONDS
    while True:
        await _look(outcome, settings, load)
        if outcome.good or time.monotonic() > until:
            break
        await asyncio.sleep(POLL_SECONDS)
    live: dict[str, bytes] = {}
    async with build_repair.verifier(settings) as (verifier, partitions):
        for partition in range(partitions):
            await verifier.verify(partition)
    async with stores(settings) as (state, _, _):
        for partition in range(partitions):
            live |= (await copy_partition(state, partition)).rows
    outcome.differences = verifier.report.differences + compare_with_sent(settings, load.sent, live)
    outcome.changes_missing = await _described(settings, verifier.report.changes_missing)
    return outcome


async def _described(settings: Settings, customers: Collection[str]) -> list[str]:
    """Return for each customer the membership string and the last change records."""
    async with build_repair.topic_reader(settings) as log:
        changes = await _records(log, MEMBERSHIPS) if customers else []
    async with stores(settings) as (_, memberships, _):
        strings = await memberships.read(list(customers))
    described = []
    for customer, string in zip(customers, strings, strict=True):
        last = [one for one in changes if one.key == customer.encode()][-RECORDS_SHOWN:]
        told = ", ".join(f"@{one.offset} {summary(one.value)}" for one in last)
        described.append(f"{customer}: string {summary(string)}; last records {told}")
    return described


async def _look(outcome: Outcome, settings: Settings, load: Load) -> None:
    """Fill in all but the comparison of the rows' content."""
    async with build_repair.topic_reader(settings) as log:
        changes, samples = await _records(log, MEMBERSHIPS), await _records(log, SAMPLES)
        letters = [letter async for letter in all_letters(log, await log.partitions(DEAD_LETTERS))]
    outcome.audiences_wrong = await wrong_audiences(settings, changes, await _partitions(settings))
    async with stores(settings) as (state, _, _):
        layout = await stored_layout(derive(settings).layout, state)
        outcome.sizes_wrong, with_rows = await _rows_and_sizes(state, layout, await _partitions(settings))
    shown = await _shown(settings, load.erased | load.withdrawn)
    left = {
        "row": with_rows,
        "string": shown[MEMBERSHIP_PREFIX],
        "ads view": shown[ADS_PREFIX],
        "change topic": customers_with_values(changes),
        "sample": customers_with_values(samples),
    }
    outcome.erased_left = [f"{where}: {one}" for where, found in left.items() for one in sorted(found & load.erased)]
    outcome.withdrawn_shown = sorted((shown[ADS_PREFIX] & load.withdrawn) | set(untrue_to_ads(changes, load.withdrawn)))
    outcome.set_aside_wrong = wrongly_set_aside(letters, load.poisoned)


async def _partitions(settings: Settings) -> int:
    async with build_repair.verifier(settings) as (_, partitions):
        return partitions


async def _records(log: TopicReader, topic: str) -> list[MemoryRecord]:
    found: list[Any] = []
    for partition in range(await log.partitions(topic)):
        first, end = await log.bounds(topic, partition)
        async for records in log.read(topic, partition, first, end):
            found += records
    return found


async def _rows_and_sizes(state: StateStore, layout: Layout, partitions: int) -> tuple[list[str], set[str]]:
    """Return the wrong sizes, and the customers with events in their rows."""
    wrong: list[str] = []
    customers: set[str] = set()
    for partition in range(partitions):
        rows = (await copy_partition(state, partition)).rows
        metadata = await state.metadata(partition)
        assert metadata is not None
        wrong += [f"{partition}: {segment}" for segment in wrong_sizes(layout, rows, metadata.sizes)]
        customers |= customers_with_events(layout, rows)
    return wrong, customers


async def _shown(settings: Settings, customers: Collection[str]) -> dict[str, set[str]]:
    """Return the customers with a key in Redis, by the key's prefix."""
    async with redis_client(settings.redis) as redis:
        return {
            prefix: {one for one in customers if await redis.execute_command("EXISTS", prefix + one)}
            for prefix in (MEMBERSHIP_PREFIX, ADS_PREFIX)
        }
