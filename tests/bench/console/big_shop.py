"""A store as a shop with a million customers leaves it: written by the store classes of the worker, without one."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np

from streamseg import pipeline
from streamseg.clustering.identity import code_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.rows import Rows
from streamseg.kafka.partitioner import partition_of
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.ports import FLUSH_ROWS, Flow, Flows, Flush, StateStore
from streamseg.settings import BEHAVIOUR, Settings
from streamseg.topics import CLICKS
from streamseg.wiring.derived import derive
from streamseg.wiring.kafka_clients import topic_ids
from streamseg.wiring.stores import stores
from tests.bench.click_load import Load

SEGMENTATION: Final = "behaviour"
GROUPS: Final = 20
"""Segments, and as many audiences: 40 together."""
DAYS: Final = 28
KINDS_OF_ROWS: Final = 1_000
"""Rows that differ; customers have them in turn."""
STRINGS: Final = 5_000
"""Memberships written at once."""
GIVEN: Final = {
    "STREAMSEG_SEGMENTATIONS": msgspec.json.encode(
        {SEGMENTATION: BEHAVIOUR.model_copy(update={"k": GROUPS}).model_dump(mode="json", exclude_defaults=True)}
    ).decode()
}
"""Settings of the shop, by environment name."""


class Partition:
    """A partition in the hands of a worker that does nothing but flush."""

    def __init__(self, state: StateStore, number: int) -> None:
        self._state, self._number, self._flush = state, number, 0

    async def claim(self, topics: Mapping[str, tuple[str, int]], layout: str) -> None:
        claimed = await self._state.claim(self._number, "bench", layout, int(time.time() * 1000))
        await self._state.set_topics(self._number, "bench", topics)
        self._flush = claimed.flush_number

    async def flush(self, **more: Any) -> None:
        assert await self._state.flush(self._number, Flush("bench", self._flush, **more)) is None
        self._flush += 1


async def fill(settings: Settings, partitions: int, customers: int) -> list[str]:
    """Write rows, memberships, catalogue and moves. Return the ids of the segments."""
    derived, now, topics = derive(settings), time.time(), await topic_ids(settings)
    async with stores(settings) as (state, memberships, models):
        stored = await models.snapshot(SEGMENTATION)
        assert stored is not None
        segments = [one for one in Snapshot.from_json(stored).segments if one]
        await models.write_catalogue({one: _entry(one, number, len(segments)) for number, one in enumerate(segments)})
        rows = _rows(settings, [code_of(one) for one in segments], now)
        owned = [Partition(state, number) for number in range(partitions)]
        for one in owned:
            await one.claim(topics, derived.layout.fingerprint)
        waiting: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        for number in range(customers):
            customer = f"c-{number}"
            partition = partition_of(customer, partitions)
            waiting[partition].append((customer, rows[number % len(rows)]))
            if len(waiting[partition]) == FLUSH_ROWS:
                await owned[partition].flush(rows=waiting.pop(partition))
        for partition, rest in waiting.items():
            await owned[partition].flush(rows=rest)
        strings = _strings(segments, customers, int(now))
        while some := list(islice(strings, STRINGS)):
            await memberships.write(some)
        for ago in range(DAYS, -1, -1):
            ways = [(a, segments[place - back]) for place, a in enumerate(segments) for back in (1, 7)]
            counts: dict[Flow, int] = dict.fromkeys(ways, 40)
            sizes = {one: customers // len(segments) // partitions for one in segments}
            for one in owned:
                await one.flush(flows=Flows(int(now // 86_400) - ago, counts), sizes=sizes)
    return segments


async def move_one(settings: Settings, segments: list[str]) -> None:
    """Let a customer of partition 0 move as a worker's flush does, so that two sizes change."""
    async with stores(settings) as (state, _, _):
        metadata = await state.metadata(0)
        assert metadata is not None
        sizes = dict(metadata.sizes) | {segments[0]: metadata.sizes[segments[0]] + 1}
        flows = Flows(int(time.time() // 86_400), {(segments[1], segments[0]): 1})
        flush = Flush(metadata.owner, metadata.flush_number, sizes=sizes, flows=flows)
        assert await state.flush(0, flush) is None


def _rows(settings: Settings, codes: list[int], now: float) -> list[bytes]:
    """Return rows that differ: those of the customers of a load, in the segments in turn."""
    derived = derive(settings)
    sent = Load("console", 20 * KINDS_OF_ROWS, KINDS_OF_ROWS, skewed=True, seed=3).records(now)
    records = [MemoryRecord(CLICKS, 0, place, int(now * 1000), key, value) for place, (key, value) in enumerate(sent)]
    rows = Rows(derived.layout)
    taken = pipeline.take(
        derived.decoder, 0, RecordBatch.of(CLICKS, 0, 0, 0, records), rows, lambda _: ()
    )  # fmt: skip
    rows.load(taken.missing, [None] * len(taken.missing))
    pipeline.absorb(rows, 0, taken, derived.money)
    slots = np.arange(len(rows), dtype=np.intp)
    rows.segment[slots, 0] = [codes[place % len(codes)] for place in range(len(rows))]
    return rows.dump(slots)


def _strings(segments: list[str], customers: int, now: int) -> Iterator[OutboxEntry]:
    consent = Consent(ads=True, personalisation=True)
    for number in range(customers):
        customer, segment = f"c-{number}", segments[number % len(segments)]
        told: dict[str, SegmentMembership | None] = {SEGMENTATION: SegmentMembership(segment, now, 0.5)}
        yield OutboxEntry(
            customer, 1, 1, encode(Membership(customer, 1, 1, now, {SEGMENTATION: 1}, told, consent))
        )  # fmt: skip


def _entry(segment: str, number: int, count: int) -> bytes:
    label = f"Segment number {number}"
    entry: dict[str, Any] = {"segmentation": SEGMENTATION, "label": label, "generated_label": label, "given_name": None}
    entry |= {"size": 1, "share": 1 / count, "value_share": 1 / count, "mean_value": 10.0, "retired": None}
    return msgspec.json.encode(entry | {"closes": None, "shadow": False, "description": "They shop.", "parents": []})
