"""A partition whose store does not answer stops no other one of its worker, and catches up without a loss."""

import time
from pathlib import Path
from statistics import median

import pytest

from tests.bench import testbed as bench
from tests.bench.recovery.probes import Probe
from tests.bench.recovery.steady_load import SteadyLoad
from tests.support.keyed_proxy import KeyedProxy
from tests.support.processes import run, until, worker

pytestmark = pytest.mark.integration

GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}
PARTITIONS = 4
HELD = 2
HELD_SECONDS = 20.0
LATE_SECONDS = 8.0
"""Many times what a membership takes on a busy machine, and less than half of `HELD_SECONDS`."""
QUIET_SECONDS = 5.0


def look_for(load: SteadyLoad, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        load.look()
        time.sleep(0.05)


def usual(probes: list[Probe], now: float) -> float:
    """The median of how long probes have waited, until they were seen or until now."""
    return median((now if one.seen_at is None else one.seen_at) - one.sent_at for one in probes)


def test_the_other_partitions_go_on_while_the_store_is_silent_about_one(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with bench.Testbed(tmp_path, PARTITIONS) as testbed, KeyedProxy(testbed.redis.port) as proxy:
        testbed.empty()
        testbed.clear()
        testbed.given = {"STREAMSEG_REDIS__URL": f"redis://127.0.0.1:{proxy.port}/0"}
        with worker(testbed.environment, log):
            until(testbed.is_assigned, "assigned")
            with SteadyLoad(
                testbed.kafka.bootstrap, testbed.redis.url, rate=50, customers=500, partitions=PARTITIONS
            ) as load:
                until(lambda: not load.look() and any(one.seen_at for one in load.probes), "at work")
                look_for(load, QUIET_SECONDS)
                proxy.hold(b"{%d}" % HELD)
                held_at = time.monotonic()
                look_for(load, HELD_SECONDS)
                probes, released_at = list(load.probes), time.monotonic()
                waiting = {one.partition for one in probes if one.seen_at is None and one.is_late(released_at)}
                seen = {id(one) for one in probes if one.seen_at is not None}
                proxy.release()
            until(lambda: not (load.look() or load.waiting()), "seen")
            testbed.sent = load.sent
            until(testbed.is_drained, "drained")
            found = run(testbed.environment, "verify")

    quiet = [one for one in probes if held_at - QUIET_SECONDS < one.sent_at < held_at]
    others = [one for one in probes if one.sent_at > held_at and one.partition != HELD]
    late = [one for one in others if id(one) not in seen and released_at - one.sent_at > LATE_SECONDS]
    assert HELD in waiting
    assert len(others) > 3 * HELD_SECONDS
    assert not late, log.read_text()[-3_000:]
    assert usual(others, released_at) < 3 * usual(quiet, held_at) + 1.0
    assert not [n for n in range(PARTITIONS) if n != HELD and f"partition {n} is read again" in log.read_text()]
    assert found == found | GOOD | {"events": load.sent}
