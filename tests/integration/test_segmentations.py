"""Several segmentations at once on real Kafka and Redis: packs, profiles, names, reasons, shadow and promotion."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from streamseg.topics import MEMBERSHIPS, PROFILES
from tests.integration.test_worker import read_all
from tests.support.processes import STREAMSEG, run, until, until_absorbed, worker

pytestmark = pytest.mark.integration

CUSTOMERS = 300
PACKS = {
    "BEHAVIOUR__PACK": "behaviour",
    "VALUE__PACK": "value",
    "AGES__PACK": "demographic",
    "AGES__K": "2",
    "AGES__FEATURES": '["profile_age", "profile_gender_*"]',
    "WORTH__PACK": "behaviour",
    "WORTH__K": "3",
    "WORTH__SHADOW": "true",
}


@pytest.fixture(name="environment")
def _environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {f"STREAMSEG_SEGMENTATIONS__{name}": value for name, value in PACKS.items()}


def customers_of(environment: Mapping[str, str]) -> list[str]:
    """Customers with a membership, those first who told no age: which they are depends on the hour of the run."""
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    told_age = {key for key, _, _ in read_all(bootstrap, PROFILES)}
    found = {key for key, value, _ in read_all(bootstrap, MEMBERSHIPS) if key and value}
    return [key.decode() for key in sorted(found, key=lambda key: (key in told_age, key))]


def send_profiles(bootstrap: str, customers: list[str]) -> None:
    """Every second customer is young and a woman, every second old and a man; of one nothing is known."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for n, customer in enumerate(customers[1:]):
        traits = {"age": 22 + n % 5, "gender": "Female"} if n % 2 else {"age": 68 + n % 5, "gender": "male"}
        event = {"event_id": f"p-{n}", "customer_id": customer, "occurred_at": now, "traits": traits}
        producer.produce(PROFILES, key=customer.encode(), value=json.dumps(event).encode())
    assert producer.flush(30) == 0


def lookup(environment: Mapping[str, str], customer: str) -> dict[str, Any]:
    return run(environment, "lookup", customer, "--why")


def segments(environment: Mapping[str, str], segmentation: str) -> list[dict[str, Any]]:
    return [one for one in run(environment, "segments")["segments"] if one["segmentation"] == segmentation]


def told(environment: Mapping[str, str], *arguments: str) -> str:
    """What a person reads."""
    done = subprocess.run(
        [*STREAMSEG, *arguments], env=os.environ | dict(environment), capture_output=True, check=True, text=True
    )
    return done.stdout


def test_a_customer_has_a_segment_in_each_and_a_shadow_comes_to_light(  # noqa: PLR0915 - one stage, many acts
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    with worker(environment, tmp_path / "worker.log"):
        run(environment, "simulate", "--customers", str(CUSTOMERS), "--days", "45", "--speed", "max", "--wait")
        until(lambda: bool(segments(environment, "value") and segments(environment, "worth")), "segmented")
        customers = customers_of(environment)
        send_profiles(bootstrap, customers)
        until_absorbed(environment)
        until(lambda: len(segments(environment, "ages")) == 2, "segmented by profiles")
        until(lambda: sum(one["size"] for one in segments(environment, "ages")) == len(customers) - 1, "all placed")

        # One segment in each, by profiles too; of whom nothing is known by profile, none there.
        until(lambda: lookup(environment, customers[1])["segments"]["ages"] is not None, "told")
        old, young, unknown = (lookup(environment, customers[n]) for n in (1, 2, 0))
        assert old["segments"].keys() == {"behaviour", "value", "ages"}
        assert all(old["segments"].values())
        assert old["segments"]["ages"]["id"] != young["segments"]["ages"]["id"]
        assert unknown["segments"]["ages"] is None

        # Reasons, with the one RFM name that a customer has in all segmentations.
        why = old["why"]["value"]
        assert why["segment"] == old["segments"]["value"]["id"] != why["runner_up"]
        assert (why["since"], why["separation"]) == (
            old["segments"]["value"]["since"],
            old["segments"]["value"]["score"],
        )
        assert why["rfm"]["name"]
        assert {1 <= why["rfm"][name] <= 5 for name in ("recency", "frequency", "monetary")} == {True}
        assert old["why"]["ages"]["rfm"] == why["rfm"]
        assert old["why"]["ages"]["pulls"][0]["feature"].startswith("profile_")
        assert "RFM" in told(environment, "lookup", customers[1], "--why")
        described = segments(environment, "value")
        assert any(one["rfm"] for one in described), described
        assert all(" are " in one["description"] for one in described if one["rfm"])

        # A name of one's own stays with the id through later descriptions.
        segment = segments(environment, "value")[0]
        renamed = run(environment, "segments", "rename", segment["id"], "Our best")
        assert (renamed["label"], renamed["generated_label"]) == ("Our best", segment["label"])
        time.sleep(3)
        now = next(one for one in segments(environment, "value") if one["id"] == segment["id"])
        assert (now["label"], now["generated_label"]) == ("Our best", segment["label"])
        run(environment, "segments", "rename", segment["id"], "--clear")
        assert segments(environment, "value")[0]["label"] == segment["label"]

        # The shadow is learned and assigned, but nobody hears of it.
        assert all(one["shadow"] for one in segments(environment, "worth"))
        assert sum(one["size"] for one in segments(environment, "worth")) == len(customers)
        diff = run(environment, "segments", "diff", "worth", "--against", "value")
        assert diff["customers"] == len(customers)
        assert 0 < diff["moved"] < len(customers), "other features make other groups"
        assert sum(flow["customers"] for flow in diff["flows"]) + diff["moved_otherwise"] == diff["moved"]
        assert not set(diff["flows"][0]["examples"]) & set(customers)
        assert "would move" in told(environment, "segments", "diff", "worth", "--against", "value")
        assert not any(b"worth-" in (value or b"") for _, value, _ in read_all(bootstrap, MEMBERSHIPS))

        # Issue 13, items 25 and 26: lists of members, a comparison that picks what exists, unknown ids, 80 columns.
        for name, scored in (("value", True), ("worth", False)):
            listed = segments(environment, name)[0]
            members = run(environment, "segments", "members", listed["id"])["members"]
            assert len(members) == listed["size"]
            assert {member["customer_id"] for member in members} <= set(customers)
            assert all((member["score"] is not None) is scored and member["since"] > 0 for member in members)
            lines = told(environment, "segments", "members", listed["id"], "--csv").splitlines()
            assert len(lines) == listed["size"] + 1
        assert {one["segment"].partition("-")[0] for one in run(environment, "segments", "diff")["segments"]} == {
            "worth"
        }
        for unknown_id in (("lookup", "nobody"), ("segments", "members", "value-zzzz"), ("keys", "revoke", "key-0")):
            done = subprocess.run(
                [*STREAMSEG, *unknown_id], env=os.environ | environment, capture_output=True, check=False
            )
            assert (done.returncode, b"there is no" in done.stderr) == (1, True)
        for words in (["segments"], ["segments", "diff"], ["lookup", customers[1], "--why"], ["segments", "--history"]):
            assert max(map(len, told(environment, *words).splitlines())) <= 80
        explained = " ".join(told(environment, "lookup", customers[1], "--why").split())
        assert "most of this group" in explained

        # Promoted, everybody enters once, without a restart.
        promoted = run(environment, "promote", "worth")
        assert promoted["public_from"] > time.time() - 2

        def entered() -> dict[str, int]:
            counts: dict[str, int] = {}
            for key, value, _ in read_all(bootstrap, MEMBERSHIPS):
                for change in json.loads(value)["changes"] if key and value else ():
                    if change["segmentation"] == "worth":
                        assert change["change"] == "entered"
                        counts[(key or b"").decode()] = counts.get((key or b"").decode(), 0) + 1
            return counts

        until(lambda: len(entered()) == len(customers), "public")
        time.sleep(2)
        assert set(entered().values()) == {1}
        assert lookup(environment, customers[0])["segments"]["worth"] is not None
        until(lambda: not any(one["shadow"] for one in segments(environment, "worth")), "out of the shadow")
        again = subprocess.run(
            [*STREAMSEG, "promote", "value"], env=os.environ | environment, capture_output=True, check=False
        )
        assert again.returncode == 1
        assert b"is not in shadow" in again.stderr

        # Births are told with their time; advice changes nothing.
        history = run(environment, "segments", "--history")["history"]
        assert {entry["segmentation"] for entry in history} == {"behaviour", "value", "ages", "worth"}
        assert "emerge" in told(environment, "segments", "--history")
        before = segments(environment, "value")
        advice = run(environment, "advise-k", "value", "--at-most", "8")
        assert [one["k"] for one in advice["tried"]] == list(range(2, 9))
        assert advice["k"] == 6
        assert {advice["by_davies_bouldin"], advice["by_elbow"]} <= set(range(2, 9))
        assert "Davies-Bouldin suggests" in told(environment, "advise-k", "value", "--at-most", "8")
        assert [one["id"] for one in segments(environment, "value")] == [one["id"] for one in before]
