"""Restart three workers one after the other under a steady load, and measure the delay of probes meanwhile.

Probes are new customers, 10 a second on each partition; their membership strings are polled in Redis. Each profile of
group membership has servers of its own. At the end `verify` compares all that is stored with the log.
"""

import math
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from streamseg.embedded.child import free_port
from tests.bench.click_load import first_clicks
from tests.bench.machine import machine, versions
from tests.bench.percentiles import percentiles
from tests.bench.process_usage import end
from tests.bench.recovery.probes import Probe
from tests.bench.recovery.steady_load import SteadyLoad
from tests.bench.testbed import Testbed
from tests.support.processes import run, settings_of, start_worker

WORKERS: Final = 3
PARTITIONS: Final = 12
START_SECONDS: Final = 180.0
BETWEEN_SECONDS: Final = 5.0
"""From when a worker is back until the next one is stopped."""
POLL_SECONDS: Final = 0.02


def measure(
    *, profiles: Sequence[str], customers: int, rate: float, quiet_seconds: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure each profile. Returns the `--json` document.

    Args:
        profiles: `kafka.membership_profile` of the workers.
        customers: that the workers know before.
        rate: clicks a second, probes not included.
        quiet_seconds: how long delays are measured before the first restart.
        say: prints progress.
    """
    measured: dict[str, Any] = {}
    used: dict[str, str] = {}
    for profile in profiles:
        with (
            tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder,
            Testbed(Path(folder), PARTITIONS) as testbed,
        ):
            measured[profile] = Restarts(testbed, profile, customers, rate, say).measured(quiet_seconds)
            used = versions(testbed)
    sizes = {"workers": WORKERS, "partitions": PARTITIONS, "customers": customers, "events_per_second": rate}
    return {"machine": machine(), "versions": used} | sizes | {"restarts": measured}


class Restarts:
    """Three workers of one profile on a testbed."""

    def __init__(self, testbed: Testbed, profile: str, customers: int, rate: float, say: Callable[[str], None]) -> None:
        self._testbed = testbed
        self._profile = profile
        self._customers = customers
        self._rate = rate
        self._say = say
        self._ports = [free_port() for _ in range(WORKERS)]

    def measured(self, quiet_seconds: float) -> dict[str, Any]:
        """Return the delays of probes, quiet and during the restarts, and what `verify` found."""
        testbed = self._testbed
        testbed.empty()
        testbed.clear()
        with ExitStack() as stack:
            processes = {number: self._start(number) for number in range(WORKERS)}
            stack.callback(_end_all, processes)
            self._until(lambda: testbed.is_assigned(WORKERS), None)
            testbed.send(list(first_clicks(range(self._customers))))
            self._until(testbed.is_drained, None)
            with SteadyLoad(
                testbed.kafka.bootstrap,
                testbed.redis.url,
                rate=self._rate,
                customers=self._customers,
                partitions=PARTITIONS,
            ) as load:
                # A new owner delivers again what was decided within the window: first memberships, after the load.
                window = settings_of(testbed.environment).redis.failover_margin_seconds
                self._pause(load, window + BETWEEN_SECONDS)
                began = time.monotonic()
                self._pause(load, quiet_seconds)
                restarted_at = time.monotonic()
                for number in processes:
                    self._restart(processes, number, load)
                ended = time.monotonic()
            self._until(lambda: not load.waiting(), load)
            testbed.sent += load.sent
            self._until(testbed.is_drained, None)
            found = run(testbed.environment, "verify")
        quiet = _delays(load.probes, began, restarted_at)
        during = _delays(load.probes, restarted_at, ended)
        self._say(f"{self._profile}: p99 {quiet['p99']:.2f} s quiet, {during['p99']:.2f} s during restarts")
        return {"seconds": round(ended - restarted_at, 1), "quiet": quiet, "restarting": during, "verify": found}

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        own = {
            "STREAMSEG_WORKER__METRICS_PORT": str(self._ports[number]),
            "STREAMSEG_KAFKA__MEMBERSHIP_PROFILE": self._profile,
            "STREAMSEG_KAFKA__INSTANCE_ID": f"worker-{number}" if self._profile == "rolling" else "",
        }
        given = {name: value for name, value in own.items() if value}
        return start_worker({**self._testbed.environment, **given}, self._log(number))

    def _is_ready(self, number: int) -> bool:
        """Whether the worker's partitions are warm, as Kubernetes asks before it stops the next worker."""
        try:
            with urlopen(f"http://127.0.0.1:{self._ports[number]}/readyz", timeout=1.0) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False

    def _log(self, number: int) -> Path:
        return self._testbed.folder / f"worker-{number}.log"

    def _restart(self, processes: "dict[int, subprocess.Popen[bytes]]", number: int, load: SteadyLoad) -> None:
        self._say(f"{self._profile}: restarting worker {number}")
        processes[number].terminate()
        self._until(lambda: processes[number].poll() is not None, load)
        processes[number] = self._start(number)
        self._until(lambda: self._is_ready(number), load)
        self._until(lambda: self._testbed.is_assigned(WORKERS), load)
        self._pause(load, BETWEEN_SECONDS)

    def _pause(self, load: SteadyLoad, seconds: float) -> None:
        ends = time.monotonic() + seconds
        self._until(lambda: time.monotonic() > ends, load)

    def _until(self, met: Callable[[], bool], load: SteadyLoad | None) -> None:
        """Wait, looking for probes meanwhile. Raises `RuntimeError` after `START_SECONDS`."""
        began = time.monotonic()
        while not met():
            if load is not None:
                load.look()
            if time.monotonic() - began > START_SECONDS:
                raise RuntimeError(f"{self._profile}: the workers do not keep up with the load: use a lower rate")
            time.sleep(POLL_SECONDS)


def _delays(probes: Sequence[Probe], begin: float, end: float) -> dict[str, float]:
    """Return percentiles and the longest delay, in seconds, of the probes sent in this time."""
    delays = [one.seen_at - one.sent_at for one in probes if begin <= one.sent_at < end and one.seen_at is not None]
    return {**percentiles(delays), "longest": round(max(delays, default=math.nan), 6), "probes": len(delays)}


def _end_all(processes: "Mapping[int, subprocess.Popen[bytes]]") -> None:
    for one in processes.values():
        end(one)
