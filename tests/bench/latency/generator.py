"""Sends clicks at a fixed rate from a process of its own, so that it does not delay the observer.

    python -m tests.bench.latency.generator BOOTSTRAP RATE SECONDS CUSTOMERS NAME

Prints `ready` when all clicks are generated, reads the start time (monotonic clock) from stdin, and prints its own
lateness as JSON. Click n is due n / RATE seconds after the start. Every `probe_every`-th click is a probe: the first
click of a new customer `NAME-n`.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator

from streamseg.topics import CLICKS
from tests.bench.click_load import Load, click_of, producer
from tests.bench.percentiles import percentiles

PROBES_PER_SECOND = 250.0
TICK_SECONDS = 0.001


def probe_every(rate: float) -> int:
    """Clicks from one probe to the next; at least 2."""
    return max(2, round(rate / PROBES_PER_SECOND))


def probes(rate: float, seconds: float) -> range:
    """The numbers of the clicks that are probes."""
    return range(0, int(rate * seconds), probe_every(rate))


def records(rate: float, seconds: float, customers: int, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each click: a skewed load with probes in it."""
    now, of_probes = time.time(), probes(rate, seconds)
    load = Load(name, int(rate * seconds), customers, skewed=True, seed=11)
    for number, (key, value) in enumerate(load.records(now)):
        if number in of_probes:
            customer = f"{name}-{number}"
            yield customer.encode(), click_of(customer, number, now)
        else:
            yield key, value


def run(bootstrap: str, rate: float, seconds: float, customers: int, name: str) -> dict[str, float]:
    """Send all clicks. Returns percentiles of the generator's lateness in seconds."""
    sender = producer(bootstrap, linger_ms=5)
    sender.list_topics(CLICKS, timeout=10)
    made = list(records(rate, seconds, customers, name))
    gc.collect()
    gc.disable()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    began = float(sys.stdin.readline())
    late: list[float] = []
    sent = 0
    while sent < len(made):
        now = time.monotonic()
        due = min(len(made), int((now - began) * rate) + 1) if now >= began else 0
        if due > sent:
            late.append(now - (began + sent / rate))
        for key, value in made[sent:due]:
            sender.produce(CLICKS, key=key, value=value)
        sent = max(sent, due)
        sender.poll(0)
        time.sleep(TICK_SECONDS)
    if sender.flush(30):
        raise RuntimeError("Kafka did not take the clicks within 30 s")
    return percentiles(late)


if __name__ == "__main__":
    bootstrap, rate, seconds, customers, name = sys.argv[1:]
    sys.stdout.write(json.dumps(run(bootstrap, float(rate), float(seconds), int(customers), name)) + "\n")
