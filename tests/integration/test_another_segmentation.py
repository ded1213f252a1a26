"""A segmentation comes into running workers and goes again, on real Kafka and Redis: no rebuild, nothing lost."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from streamseg.sources.fitgear import FitGear
from streamseg.topics import MEMBERSHIPS
from tests.integration.test_worker import read_all
from tests.support.processes import members, run, send, start_worker, stored_rows, until, until_absorbed, worker
from tests.support.reference_rows import assert_same, single_pass

pytestmark = pytest.mark.integration

GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}
SHADOW = {
    "STREAMSEG_SEGMENTATIONS__BEHAVIOUR__PACK": "behaviour",
    "STREAMSEG_SEGMENTATIONS__WORTH__PACK": "value",
    "STREAMSEG_SEGMENTATIONS__WORTH__K": "3",
    "STREAMSEG_SEGMENTATIONS__WORTH__SHADOW": "true",
}


def worth(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    return [one for one in run(environment, "segments")["segments"] if one["segmentation"] == "worth"]


def worth_changes(environment: Mapping[str, str], change: str) -> list[str]:
    """Who entered or exited a segment of it, as often as they did."""
    return [
        (key or b"").decode()
        for key, value, _ in read_all(environment["STREAMSEG_KAFKA__BOOTSTRAP"], MEMBERSHIPS)
        for one in (json.loads(value)["changes"] if value else ())
        if one["segmentation"] == "worth" and one["change"] == change
    ]


def refusal(environment: Mapping[str, str], log: Path) -> str:
    """The line with which a worker ends at its start."""
    process = start_worker(environment, log)
    try:
        assert process.wait(60) == 2
    finally:
        process.kill()
    return log.read_text().strip().splitlines()[-1]


def test_a_shadow_comes_fills_is_promoted_and_goes_while_events_flow(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap, with_shadow = environment["STREAMSEG_KAFKA__BOOTSTRAP"], environment | SHADOW
    events = list(FitGear(250, 45, 11, ends_at=time.time()))
    third = len(events) // 3
    with worker(environment, tmp_path / "old.log"):
        send(bootstrap, events[:third])
        until_absorbed(environment)
        with worker(with_shadow, tmp_path / "new.log"):
            # A rolling update: both at once, each with partitions of its own.
            until(lambda: sorted(map(bool, members(environment).values())) == [True, True], "both at work")
            send(bootstrap, events[third : 2 * third])
            until_absorbed(environment)
            old_log = (tmp_path / "old.log").read_text()
    assert "Traceback" not in old_log + (tmp_path / "new.log").read_text()

    assert "the rows also have worth" in refusal(environment, tmp_path / "refused.log")
    with worker(with_shadow, tmp_path / "new.log"):
        send(bootstrap, events[2 * third :])
        until_absorbed(environment)
        customers = len(stored_rows(with_shadow))
        until(lambda: sum(one["size"] for one in worth(with_shadow)) == customers, "filled")
        assert_same(stored_rows(with_shadow), single_pass(with_shadow, events))
        diff = run(with_shadow, "segments", "diff", "worth")
        assert (diff["customers"], diff["only_old"], diff["only_new"]) == (customers, 0, 0)
        assert worth_changes(with_shadow, "entered") == []

        run(with_shadow, "promote", "worth")
        until(lambda: len(worth_changes(with_shadow, "entered")) >= customers, "public")
        found = run(with_shadow, "verify")
        assert found == found | GOOD | {"customers": customers, "events": len(events)}

        run(with_shadow, "segments", "drop", "worth")
        until(lambda: worth(with_shadow) == [], "left")
        exits = worth_changes(with_shadow, "exited")
        assert len(set(exits)) == customers
        found = run(with_shadow, "verify")
        assert found == found | GOOD
    with worker(environment, tmp_path / "old.log"):
        send(bootstrap, FitGear(60, 5, 12, ends_at=time.time()))
        until_absorbed(environment)
        found = run(environment, "verify")
    assert found == found | GOOD
