"""All eight shipped segmentations at once, on clicks, purchases and profiles, on real Kafka and Redis."""

import json
import random
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from confluent_kafka import Producer

from streamseg.packs import names
from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.topics import PROFILES
from tests.support.processes import run, send, until, until_absorbed, worker

pytestmark = pytest.mark.integration

CUSTOMERS = 420
BY_PROFILE_ALONE = {"demographic", "geographic", "firmographic"}
PEOPLE: tuple[dict[str, Any], ...] = (
    {"age": 27, "gender": "Female", "household_size": 1, "children": 0, "income": 31_000, "country": "NL",
     "area": "city", "store_distance_km": 2, "operating_system": "iOS", "browser": "safari", "uses_app": True},
    {"age": 44, "gender": "male", "household_size": 5, "children": 3, "income": 64_000, "country": "SE",
     "area": "suburb", "store_distance_km": 18, "operating_system": "android", "browser": "chrome", "uses_app": True},
    {"age": 71, "gender": "female", "household_size": 2, "children": 0, "income": 24_000, "country": "DE",
     "area": "country", "store_distance_km": 70, "operating_system": "windows", "browser": "edge", "uses_app": False},
    {"industry": "Health", "employees": 12, "annual_revenue": 900_000, "country": "NL", "area": "town"},
    {"industry": "education", "employees": 800, "annual_revenue": 40_000_000, "country": "SE", "area": "city"},
)  # fmt: skip
SKEWED = ("income", "store_distance_km", "employees", "annual_revenue")


@pytest.fixture(name="environment")
def _environment(environment: dict[str, str]) -> dict[str, str]:
    categories = '["performance gear", "leisure wear", "basic sets", "footwear", "nutrition"]'
    chosen = {f"STREAMSEG_SEGMENTATIONS__{name.upper()}__PACK": name for name in names()}
    return environment | chosen | {"STREAMSEG_FEATURES__CATEGORIES": categories}


def traits(kind: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Somebody like that, of whom the shop does not know everything."""
    told = {name: value for name, value in kind.items() if rng.random() > 0.15}
    for name in SKEWED:
        if name in told:
            told[name] = round(told[name] * rng.lognormvariate(0, 0.2), 1)
    if "age" in told:
        told["age"] += rng.randint(-5, 5)
    return told


def send_profiles(bootstrap: str, customers: list[str]) -> dict[str, dict[str, Any]]:
    """Of every sixth customer nothing is known by profile."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    rng, then = random.Random(4), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 30 * 86_400))
    sent = {}
    for n, customer in enumerate(customers):
        if n % 6 == 5:
            continue
        sent[customer] = traits(PEOPLE[n % 6], rng)
        event = {"event_id": f"p-{n}", "customer_id": customer, "occurred_at": then, "traits": sent[customer]}
        producer.produce(PROFILES, key=customer.encode(), value=json.dumps(event).encode())
    assert producer.flush(30) == 0
    return sent


def is_loyal(customer: str) -> bool:
    """Every third customer keeps to one brand; the others take what there is."""
    return crc32(customer.encode()) % 3 == 0


def with_brands(event: SourceEvent) -> SourceEvent:
    """The event with brands on its items: the customer's own, or any."""
    body, own = json.loads(event.value), crc32(event.customer_id.encode()) % 50
    for n, one in enumerate(body.get("items", ())):
        one["item_brand"] = f"brand-{own if is_loyal(event.customer_id) else crc32(event.value) + n}"
    return event._replace(value=json.dumps(body).encode())


def segments(environment: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for one in run(environment, "segments")["segments"]:
        by_kind.setdefault(one["segmentation"], []).append(one)
    return by_kind


def kept_to_a_brand(membership: Mapping[str, Any]) -> float:
    pulls = membership["why"]["psychographic"]["pulls"]
    return next(float(pull["value"]) for pull in pulls if pull["feature"] == "favourite_brand_share")


def knows(segmentation: str, told: Mapping[str, Any]) -> bool:
    """Whether a profile has something that the segmentation goes by."""
    goes_by = {
        "demographic": ("age", "gender", "household_size", "children", "income"),
        "geographic": ("country", "area", "store_distance_km"),
        "firmographic": ("industry", "employees", "annual_revenue"),
    }
    return segmentation not in BY_PROFILE_ALONE or any(name in told for name in goes_by[segmentation])


def test_every_customer_has_a_segment_in_each_of_the_eight_kinds(environment: dict[str, str], tmp_path: Path) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    with worker(environment, tmp_path / "worker.log"):
        shop = FitGear(CUSTOMERS, 25, 5, ends_at=time.time())
        events = [with_brands(event) for event in shop if event.topic != PROFILES]
        customers = sorted({event.customer_id for event in events})
        profiles = send_profiles(bootstrap, customers)
        send(bootstrap, events)
        until_absorbed(environment)
        expected = {kind: sum(knows(kind, profiles.get(customer, {})) for customer in customers) for kind in names()}

        def placed() -> dict[str, int]:
            return {kind: sum(one["size"] for one in each) for kind, each in segments(environment).items()}

        until(lambda: placed() == expected, "all placed")
        told = segments(environment)
        found = {customer: run(environment, "lookup", customer, "--why") for customer in customers[:12]}
        verdict = run(environment, "verify")
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
    assert verdict == verdict | {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}

    for customer, membership in found.items():
        for kind in names():
            standing = membership["segments"][kind]
            assert (standing is not None) == knows(kind, profiles.get(customer, {})), (customer, kind)
            if standing is not None:
                why = membership["why"][kind]
                assert why["segment"] == standing["id"]
                assert why["pulls"] or why["declared"], "what was learned has pulls, what was declared a rule"

    for each in told.values():
        labels = [one["label"] for one in each]
        assert len(set(labels)) == len(labels), labels
        for one in each:
            assert not any(sign in one["label"] + one["description"] for sign in ("_", "profile", "  "))
            assert one["description"].endswith(".")
    words = {kind: " ".join(one["description"] for one in each) for kind, each in told.items()}
    assert re.search(r"Country: \d+% Netherlands\.", words["geographic"])
    assert re.search(r"Area: \d+% suburb\.", words["geographic"])
    assert re.search(r"Most are \d+-\d+ years old\.", words["demographic"])
    assert re.search(r"Industry: \d+% health\.", words["firmographic"])
    assert re.search(r"Operating system: \d+% (iOS|Android|Windows)\.", words["technographic"])
    assert "They go for " in words["psychographic"]
    loyal, others = ([kept_to_a_brand(found[one]) for one in found if is_loyal(one) is so] for so in (True, False))
    assert sum(loyal) / len(loyal) > 2 * sum(others) / len(others), (loyal, others)
