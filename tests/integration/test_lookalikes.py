"""Look-alikes on real Kafka and Redis: members are those whom the published weights and the stored rows give."""

import asyncio
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamseg.features.vector import vectors
from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.wiring.stores import stores
from tests.integration.test_audiences import ENDS_AT, balance_of_changes, pass_time, shuffled, state_of
from tests.support.brute_audiences import DAY
from tests.support.processes import run, send, settings_of, stored_rows, until, until_absorbed, worker

pytestmark = pytest.mark.integration

SEED = """
[[audience]]
id = "buyers"
name = "Bought within 20 days"
purpose = "ads"
rule = { event = "purchase", within = "20 days" }
"""
ALIKE = """
[[audience]]
id = "alike"
name = "Like buyers"
purpose = "ads"
rule = { lookalike = "buyers", at_least = 0.6 }

[[audience]]
id = "both"
name = "Buyers, and the 20 most like them"
purpose = "ads"
rule = { lookalike = "buyers", size = 20, seed = "in" }
"""
STAYS, BEYOND = 0.05, 1.1
"""Members stay until likeness is so much below what enters, or beyond so many times the wanted size."""


def published(environment: Mapping[str, str]) -> dict[str, Any]:
    """The look-alikes as they are stored; empty before they are learned."""

    async def read() -> bytes:
        async with stores(settings_of(environment)) as (_, _, models):
            return await models.lookalikes() or b"{}"

    spaces: list[dict[str, Any]] = json.loads(asyncio.run(read())).get("spaces", [])
    return next((one for one in spaces if one["lookalikes"][0].get("weights")), {})


def likeness_of(space: Mapping[str, Any], vector: list[float]) -> float:
    """The logistic function of the weighted sum, in plain numbers."""
    (found,) = space["lookalikes"]
    scaled = []
    for value, skewed, mean, variance in zip(vector, space["skewed"], space["mean"], space["variance"], strict=True):
        logged = math.log1p(max(value, 0.0)) if skewed else value
        deviations = (logged - mean) / math.sqrt(variance) if variance > 0 and not math.isnan(logged) else 0.0
        scaled.append(min(max(deviations, -space["bound"]), space["bound"]))
    told = sum(w * x for w, x in zip(found["weights"], [*scaled, *map(abs, scaled)], strict=True))
    return 1.0 / (1.0 + math.exp(-told - found["intercept"]))


def limit_of(space: Mapping[str, Any], size: float) -> float:
    (found,) = space["lookalikes"]
    curve = found["curve"]
    return float(np.interp(size / found["others"], [one["share"] for one in curve], [one["likeness"] for one in curve]))


def may_be(member: bool, likeness: float, enter: float, leave: float) -> bool:
    """Whether a customer of this likeness can be a member, or outside: between the two limits they can be either."""
    return member or likeness < enter if likeness >= leave else not member


SWEEPS = 6
SWEPT_AFTER = 7 * 3_600.0
"""A quarter of the bound of memberships, and some more."""


class Shop:
    """What was sent, and who must belong by it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.sent: list[SourceEvent] = []
        self.wrong: list[str] = []

    def send(self, events: list[SourceEvent]) -> None:
        self.sent += events
        send(self.environment["STREAMSEG_KAFKA__BOOTSTRAP"], shuffled(events, len(self.sent)))
        until_absorbed(self.environment)

    def buyers(self, now: float) -> set[str]:
        """Who bought within 20 days, straight from the events."""
        lately = (one for one in self.sent if one.kind == "purchase" and int(one.occurred_at) > int(now) - 20 * DAY)
        return {one.customer_id for one in lately if json.loads(one.value).get("event_name") != "refund"}

    def is_right(self) -> bool:
        """Whether the published memberships of every customer follow from events, rows and weights."""
        clocks, inside = state_of(self.environment)
        now = max(clocks.values())  # as `pass_time` has left all of them
        rows, space, buyers = stored_rows(self.environment), published(self.environment), self.buyers(now)
        alike, both = inside.get("alike", set()), inside.get("both", set())
        enter, leave = 0.6, 0.6 - STAYS
        close, far = limit_of(space, 20.0), limit_of(space, 20.0 * BEYOND)
        self.wrong = [] if inside["buyers"] == buyers else ["the seed is not who bought"]
        for customer, slot in rows.slots.items():
            if not np.isfinite(max(rows.last_click[slot], rows.last_purchase[slot])):
                continue
            at = max(float(rows.last_seen[slot]), now)
            likeness = likeness_of(space, vectors(rows, np.array([slot]), at, space["features"])[0].tolist())
            if not (customer not in alike if customer in buyers else may_be(customer in alike, likeness, enter, leave)):
                self.wrong.append(f"alike: {customer} {likeness}")
            if not (customer in both if customer in buyers else may_be(customer in both, likeness, close, far)):
                self.wrong.append(f"both: {customer} {likeness}, limits {close} and {far}")
        return not self.wrong

    def until_right(self) -> dict[str, set[str]]:
        """Let time pass, so that a sweep looks at everybody by the newest weights, and wait.

        The trainer learns a little from what a sweep samples, so a customer at a limit may need another one.
        """
        for _ in range(SWEEPS):
            pass_time(self.environment, max(state_of(self.environment)[0].values()) + SWEPT_AFTER)
            end = time.monotonic() + 25.0
            while not (right := self.is_right()) and time.monotonic() < end:
                time.sleep(0.5)
            if right:
                return state_of(self.environment)[1]
        raise AssertionError(self.wrong[:10])


def test_look_alikes_are_those_of_the_published_weights(environment: dict[str, str], tmp_path: Path) -> None:
    environment = environment | {"STREAMSEG_FEATURES__REMEMBERED_EVENT_IDS": "128"}  # events come shuffled, and twice
    shop = Shop(environment)
    events = list(FitGear(200, 60, 16, ends_at=ENDS_AT))
    half = len(events) // 2
    seed, alike = tmp_path / "seed.toml", tmp_path / "alike.toml"
    seed.write_text(SEED)
    alike.write_text(ALIKE)
    with worker(environment, tmp_path / "killed.log") as killed:
        shop.send(events[:half])
        run(environment, "audiences", "add", str(seed))
        run(environment, "audiences", "add", str(alike))
        until(lambda: bool(published(environment)), "learned", 120.0)
        first = shop.until_right()
        assert first["alike"]
        assert first["buyers"] < first["both"]
        killed.kill()
        killed.wait()
    with worker(environment, tmp_path / "worker.log"):
        shop.send(events[half:])
        second = shop.until_right()
        assert second["buyers"] - first["buyers"], "who bought since then is of the seed"
        pass_time(environment, max(state_of(environment)[0].values()) + DAY)
        shop.until_right()
        until(lambda: balance_of_changes(environment) == state_of(environment)[1], "the change topic tells the same")
        run(environment, "audiences", "drop", "alike")
        until(lambda: "alike" not in state_of(environment)[1], "left")
        assert balance_of_changes(environment).keys() == {"buyers", "both"}
        found = run(environment, "verify")
        assert found == found | {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0}
