"""Sends clicks of known customers at a steady rate, with probes among them, from a thread."""

import threading
import time
from collections import Counter
from typing import Final, Self

import redis
from confluent_kafka import Producer

from streamseg.store import key_names as keys
from streamseg.topics import CLICKS
from tests.bench.click_load import click, click_of, producer
from tests.bench.recovery.probes import Probe, customers_on

TICK_SECONDS: Final = 0.01
PROBE_SECONDS: Final = 0.1
"""Time between two probes of one partition."""


class SteadyLoad:
    """Sends `rate` clicks a second for the duration of a `with` block."""

    def __init__(self, bootstrap: str, redis_url: str, *, rate: float, customers: int, partitions: int) -> None:
        self._producer: Producer = producer(bootstrap, linger_ms=5)
        self._store = redis.Redis.from_url(redis_url)
        self._rate = rate
        self._customers = customers
        self._names = [customers_on(partition, partitions) for partition in range(partitions)]
        self._all_seen = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steady-load", daemon=True)
        self.sent = 0
        """Clicks sent, probes included."""
        self.sent_to: Counter[str] = Counter()
        """Clicks sent, by customer."""
        self.probes: list[Probe] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._store.close()

    def stop(self) -> None:
        """Send no more; everything sent is in Kafka when it returns."""
        self._stopped.set()
        self._thread.join()
        self._producer.flush(30)

    def look(self) -> bool:
        """Read the memberships of waiting probes from Redis. Returns whether a probe is late."""
        waiting = [one for one in self.probes[self._all_seen :] if one.seen_at is None]
        if waiting:
            found = self._store.mget([keys.membership(one.customer_id) for one in waiting])
            now = time.monotonic()
            for one, membership in zip(waiting, found, strict=True):
                if membership is not None:
                    one.seen_at = now
            self._all_seen += next((n for n, one in enumerate(self.probes[self._all_seen :]) if one.seen_at is None), 0)
        return any(one.seen_at is None and one.is_late(time.monotonic()) for one in waiting)

    def waiting(self) -> bool:
        """Whether a probe has not been seen yet."""
        return any(one.seen_at is None for one in self.probes[self._all_seen :])

    def _run(self) -> None:
        began = time.monotonic()
        due_probes = began
        while not self._stopped.is_set():
            now, wall = time.monotonic(), time.time()
            for number in range(self.sent, int((now - began) * self._rate)):
                whose = number * 7_919 % self._customers
                self._send(f"c-{whose}", click(2_000_000_000 + number, whose, wall))
            if now >= due_probes:
                due_probes += PROBE_SECONDS
                for partition, names in enumerate(self._names):
                    customer = next(names)
                    self._send(customer, click_of(customer, self.sent, wall))
                    self.probes.append(Probe(customer, partition, now))
            self._producer.poll(0)
            time.sleep(TICK_SECONDS)

    def _send(self, customer: str, value: bytes) -> None:
        self._producer.produce(CLICKS, key=customer.encode(), value=value)
        self.sent += 1
        self.sent_to[customer] += 1
