"""Audiences that come, change and go while faults happen, and what must hold of them and of declared segments."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from streamseg.audiences.definition import Audience
from streamseg.audiences.lists.content import ListContent
from streamseg.audiences.lists.list_files import ReadList
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.clustering.identity import UNASSIGNED, id_of, segmentation_of
from streamseg.clustering.likeness.models import Lookalikes, Space
from streamseg.errors import SettingsError, StreamsegError
from streamseg.events.record import MemoryRecord
from streamseg.features.identifiers.hashes import given_hash, short_hash
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.pipeline import CLOCK, SIZE_PREFIX, LiveAudiences, belonged, is_known, sizes_held
from streamseg.repair.stored_rows import copy_partition
from streamseg.service.audiences import declare, drop, read_declared
from streamseg.service.lists import ListContents, described, upload
from streamseg.settings import Settings
from streamseg.sources.fitgear.newsletter import customer_id_of, email_hash
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.wiring.derived import derive
from streamseg.wiring.stores import stored_layout, stores

TRACKED: Final = {"view": 2, "purchase": 2}
PAUSE_SECONDS: Final = (3.0, 9.0)
"""Between two declarations."""
ALIKE: Final[dict[str, Any]] = {"lookalike": "status-customer", "size": 100}
KEPT: Final = "alike-0"
"""An audience that comes first and stays, so that there is time to learn its look-alike."""
RULES: Final[tuple[dict[str, Any], ...]] = (
    {"event": "purchase", "at_least": 2, "within": "40 days"},
    {"all": [{"event": "view", "within": "30 days"}, {"not": {"event": "purchase", "within": "30 days"}}]},
    {"feature": "transactions", "at_least": 1},
    {"event": "visit", "none_within": "10 days"},
    {"event": "view", "at_least": 2, "within": "12 hours"},
    {"list": "readers"},
    {"all": [{"event": "visit"}, {"not": {"list": "readers"}}]},
    {"segmentation": "journey", "group": ["intending", "considering"]},
    ALIKE,
    {"any": [{"lookalike": "status-customer", "enter": 0.7, "leave": 0.5}, {"list": "readers"}]},
)
DRIFT: Final = 0.4
"""Look-alikes learn a little with every sample, and nobody is looked at again for that: by so much may the weighted sum
be another one since a customer's latest look. It is 0.1 of likeness in the middle."""
LISTED: Final = 3_000
"""Customers of FitGear of whom some are on the list."""


class Declaring:
    """Adds, changes and drops audiences, and uploads a list, until it is cancelled."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings = settings
        self._draw = random.Random(seed)
        self.declarations = 0

    async def run(self) -> None:
        """Declare something every few seconds; while the store is away, nothing."""
        while True:
            try:
                async with asyncio.timeout(10.0), stores(self._settings) as (_, _, models):
                    declared = await read_declared(models)
                    live = [one for one in declared.live if one.id != KEPT]
                    if declared.find(KEPT) is None:
                        await declare(models, [self._audience(KEPT, ALIKE)], self._settings.audiences.most)
                    elif not declared.lists or self._draw.random() < 0.25:
                        await upload(models, *self._list())
                    elif len(live) > 3 and self._draw.random() < 0.4:
                        await drop(models, self._draw.choice(live).id)
                    else:
                        changed = live and self._draw.random() < 0.4
                        name = self._draw.choice(live).id if changed else f"audience-{self.declarations}"
                        rule = self._draw.choice(RULES)
                        await declare(models, [self._audience(name, rule)], self._settings.audiences.most)
                self.declarations += 1
            except SettingsError:
                raise
            except (StreamsegError, TimeoutError):
                pass
            await asyncio.sleep(self._draw.uniform(*PAUSE_SECONDS))

    def _list(self) -> tuple[UploadedList, ListContent]:
        """A list of some customers, by the hash of their e-mail address or by id."""
        customers = [customer_id_of(number) for number in self._draw.sample(range(LISTED), LISTED // 3)]
        ids, others = customers[: LISTED // 10], customers[LISTED // 10 :]
        content = ListContent.of([short_hash(one) for one in ids], [given_hash(email_hash(one)) or 0 for one in others])
        return described("readers", ReadList(content, kinds=("email", "id")), None), content

    def _audience(self, name: str, rule: dict[str, Any]) -> Audience:
        purpose = ("ads", "content")[int(name[-1]) % 2]  # which never changes
        return Audience.model_validate(
            {"id": name, "name": f"{name} {self.declarations}", "purpose": purpose, "minimum_size": 1, "rule": rule}
        )


async def wrong_audiences(settings: Settings, changes: Sequence[MemoryRecord], partitions: int) -> list[str]:
    """Return where row, rule, string, last change record and size of an audience or declared segment disagree."""
    told = _told(changes)
    wrong: list[str] = []
    async with stores(settings) as (state, memberships, models):
        derived = derive(settings)
        layout = await stored_layout(derived.layout, state)
        declared = await read_declared(models)
        lists = await ListContents(models).of(declared)
        published = Lookalikes.decode(await models.lookalikes())
        (live, problems), more, less = (
            live_audiences(
                layout,
                declared,
                lists,
                _drifted(published, by),
                segmentations=derived.declared,
                compared_by=derived.segmentations,
            )
            for by in (0.0, DRIFT, -DRIFT)
        )
        wrong += problems
        for partition in range(partitions):
            rows = _rows(layout, (await copy_partition(state, partition)).rows)
            slots = np.arange(len(rows), dtype=np.intp)
            metadata = await state.metadata(partition)
            assert metadata is not None
            clock = float(metadata.checkpoint.get(CLOCK, 0)) if settings.clock == "event" else time.time()
            inside = _inside(rows, slots, live, clock)
            strings = await memberships.read(list(inside))
            bounds = [_inside(rows, slots, one, clock) for one, _ in (more, less)]
            for (customer, (held, decided)), string in zip(inside.items(), strings, strict=True):
                shown = None if string is None else tuple(msgspec.json.decode(string).get("audiences", ()))
                drifted = {one for each in bounds for one in set(each[customer][1]) ^ set(decided)}
                if not held == shown == told.get(customer, ()) or not set(held) ^ set(decided) <= drifted:
                    wrong.append(f"{customer}: row {held}, rule {decided}, string {shown}, {told.get(customer)} told")
            wrong += _wrong_segments(rows, live, clock, dict(zip(inside, strings, strict=True)), metadata.sizes)
            unknown = derive(settings).publishing.unknown_consent
            counted = Counter(name for names in sizes_held(rows, slots, live, unknown) for name in names)
            stored = {name: size for name, size in metadata.sizes.items() if name.startswith(SIZE_PREFIX)}
            if counted != stored:
                wrong.append(f"{partition}: audiences have {dict(counted)}, their sizes are {stored}")
    return wrong


def _wrong_segments(
    rows: Rows, live: LiveAudiences, now: float, strings: Mapping[str, bytes | None], sizes: Mapping[str, int]
) -> list[str]:
    """Return where row, rules, string and size of a declared segment disagree, in one partition."""
    slots = np.arange(len(rows), dtype=np.intp)
    slots = slots[is_known(rows, slots)]
    members = belonged(rows, slots, live)[1][:, : len(live.ids)]
    decided = live.rules.decide(rows, slots, np.maximum(rows.last_seen[slots], now), members)
    wrong, customers = list[str](), [rows.customer_ids[slot] for slot in slots.tolist()]
    told = [msgspec.json.decode(strings[one] or b"{}").get("segments", {}) for one in customers]
    for column, codes in decided.segments:
        name = rows.layout.segmentations[column]
        held = rows.segment[slots, column].tolist()
        counted = Counter(id_of(name, code) for code in held if code != UNASSIGNED)
        if counted != {one: size for one, size in sizes.items() if segmentation_of(one) == name}:
            wrong.append(f"{name} has {dict(counted)} members, its sizes are {dict(sizes)}")
        for customer, row, rule, segments in zip(customers, held, codes.tolist(), told, strict=True):
            shown = None if segments.get(name) is None else segments[name]["id"]
            if row != rule or shown != (None if row == UNASSIGNED else id_of(name, row)):
                wrong.append(f"{customer}: {name} {row} in the row, {rule} by the rules, {shown} in the string")
    return wrong


def _drifted(published: Lookalikes, by: float) -> Lookalikes:
    """Return look-alikes by which everybody's weighted sum is greater by so much."""

    def moved(space: Space) -> Space:
        found = tuple(replace(one, intercept=one.intercept + by) for one in space.lookalikes)
        return replace(space, lookalikes=found)

    return replace(published, spaces=tuple(map(moved, published.spaces)))


def _told(changes: Sequence[MemoryRecord]) -> dict[str, tuple[str, ...]]:
    """Return the audiences of each customer by the change record with the highest order."""
    latest: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {}
    for record in changes:
        if record.key is not None and record.value is not None:
            value = msgspec.json.decode(record.value)
            order, customer = (value["epoch"], value["seq"]), record.key.decode()
            if customer not in latest or order >= latest[customer][0]:
                latest[customer] = order, tuple(value.get("audiences", ()))
    return {customer: audiences for customer, (_, audiences) in latest.items()}


def _rows(layout: Layout, stored: Mapping[str, bytes]) -> Rows:
    rows = Rows(layout, max(len(stored), 1))
    rows.load(list(stored), list(stored.values()))
    return rows


def _inside(
    rows: Rows, slots: np.ndarray[Any, Any], live: LiveAudiences, now: float
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the audiences of each known customer: those that the row holds, and those that its rules decide."""
    slots = slots[is_known(rows, slots)]
    _, held = belonged(rows, slots, live)
    held = held[:, : len(live.ids)]
    at = np.maximum(rows.last_seen[slots], now)
    decided = live.rules.decide(rows, slots, at, held).members

    def names(mask: np.ndarray[Any, Any]) -> tuple[str, ...]:
        return tuple(live.ids[index] for index in np.flatnonzero(mask).tolist())

    customers = [rows.customer_ids[slot] for slot in slots.tolist()]
    return {one: (names(h), names(d)) for one, h, d in zip(customers, held, decided, strict=True)}
