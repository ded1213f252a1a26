"""Generates clicks to measure with: 250 bytes of JSON each, from many customers, reproducible by a seed."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from confluent_kafka import Producer
from numpy.typing import NDArray

from streamseg.sources.event import rfc3339
from streamseg.topics import CLICKS

CUSTOMER: Final = "c-"
"""How the ids of the customers of a load begin, unless it says otherwise."""
ZIPF: Final = 1.1
HISTORY_SECONDS: Final = 3_600.0
"""Event time that the clicks of one load cover."""
NAMES: Final = ("view_item", "view_item", "view_item_list", "add_to_cart", "search", "session_start")
DEVICES: Final = ("mobile", "desktop", "tablet")
CATEGORIES: Final = ("shoes", "shirts", "bikes", "tents", "skis")


@dataclass(frozen=True)
class Load:
    """A number of clicks from a number of customers.

    `skewed`: customers are drawn by Zipf's law with exponent 1.1, otherwise uniformly.
    """

    name: str
    events: int
    customers: int
    skewed: bool
    seed: int = 1
    prefix: str = CUSTOMER

    def whose(self) -> NDArray[np.int64]:
        """The customer number of each event, shape (events,)."""
        draw = np.random.default_rng(self.seed)
        if not self.skewed:
            return draw.integers(0, self.customers, self.events)
        weights = np.arange(1, self.customers + 1) ** -ZIPF
        return draw.choice(self.customers, self.events, p=weights / weights.sum())

    def records(self, ends_at: float) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of each click, in order of event time; the last click is at `ends_at`."""
        step = HISTORY_SECONDS / self.events
        for number, whose in enumerate(self.whose().tolist()):
            customer = f"{self.prefix}{whose}"
            yield customer.encode(), click(number, whose, ends_at - HISTORY_SECONDS + (number + 1) * step, customer)


def click(number: int, whose: int, at: float, customer: str = "") -> bytes:
    """A click at epoch second `at`, as a shop would send it; of customer `c-<whose>` unless given."""
    mixed = (number * 2_654_435_761 + whose) & 0xFFFFFFFF
    item = mixed % 5_000
    price = 5.5 + item % 200
    customer = customer or f"{CUSTOMER}{whose}"
    return (
        f'{{"event_id":"0192f3a0-{mixed & 0xFFFF:04x}-7000-8000-{number:012x}","customer_id":"{customer}",'
        f'"occurred_at":"{rfc3339(at)}","event_name":"{NAMES[mixed % 6]}","device_category":"{DEVICES[mixed % 3]}",'
        f'"items":[{{"item_id":"sku-{item:05d}","item_category":"{CATEGORIES[item % 5]}","price":{price}}}]}}'
    ).encode()


def click_of(customer: str, number: int, at: float) -> bytes:
    """A click of a customer with any id."""
    return click(number, 0, at, customer)


def first_clicks(customers: range) -> Iterator[tuple[bytes, bytes]]:
    """One click of each customer number, now."""
    now = time.time()
    return ((f"c-{whose}".encode(), click(whose, whose, now)) for whose in customers)


def fill(bootstrap: str, load: Load) -> None:
    """Send the load to the clicks topic, which must exist."""
    send(bootstrap, load.records(time.time()))


def send(bootstrap: str, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Send clicks at full speed and wait until Kafka has them all."""
    sender = producer(bootstrap, linger_ms=20)
    for number, (key, value) in enumerate(records):
        sender.produce(CLICKS, key=key, value=value)
        if number % 5_000 == 0:
            sender.poll(0)
    if sender.flush(120):
        raise RuntimeError("Kafka did not take the load within 120 s")


def producer(bootstrap: str, *, linger_ms: int) -> Producer:
    """A producer that places keys as Java's does (murmur2)."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": linger_ms,
            "queue.buffering.max.messages": 1_000_000,
            "batch.size": 500_000,
            "log_level": 0,
        }
    )
