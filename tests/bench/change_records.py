"""Cost of a change record as a binary and as a structured CloudEvent: encoding, producing, bytes.

    python -m tests.bench.change_records BOOTSTRAP

The broker is written to: give it one of your own. Microseconds of CPU per record of this process, best of the rounds.
Nothing here is asserted. Source: CloudEvents 1.0.2, Kafka Protocol Binding, sections 3.2 (binary) and 3.3 (structured).
"""

import sys
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streamseg.events.cloudevents import MEMBERSHIP_TYPE, Headers, headers_at
from streamseg.membership.encoding import change_record
from tests.bench.store_cost import entries_at

ROUNDS: Final = 15
STRUCTURED: Final = (("content-type", b"application/cloudevents+json"),)

Record = tuple[bytes, bytes, Headers]


def binary(entries: list[tuple[bytes, str, bytes]], now: float) -> list[Record]:
    """Return the records with the CloudEvent's metadata in headers."""
    headers_of = headers_at(MEMBERSHIP_TYPE, now)
    return [(key, value, headers_of(event_id)) for key, event_id, value in entries]


def structured(entries: list[tuple[bytes, str, bytes]], now: float) -> list[Record]:
    """Return the records with metadata and data in one JSON document; the shared metadata are encoded once."""
    moment = dict(headers_at(MEMBERSHIP_TYPE, now)(""))["ce_time"]
    shared = b'","source":"streamseg","type":"%b","time":"%b","datacontenttype":"application/json","data":' % (
        MEMBERSHIP_TYPE.encode(),
        moment,
    )
    return [
        (key, b'{"specversion":"1.0","id":"%b%b%b}' % (event_id.encode(), shared, value), STRUCTURED)
        for key, event_id, value in entries
    ]


def best(measured: Callable[[], object], count: int) -> float:
    """Return the CPU time per item in microseconds, of the best round."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        measured()
        times.append(time.process_time() - began)
    return min(times) / count * 1e6


def main(bootstrap: str) -> None:
    """Measure both, and print a line for each."""
    made = [(each.customer_id.encode(), f"{each.customer_id}/{each.epoch}-{each.seq}", each) for each in entries_at(1)]
    entries = [(key, event_id, change_record(entry) or b"") for key, event_id, entry in made]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for name, mode in (("binary", binary), ("structured", structured)):
        topic = f"bench-change-records-{name}"
        for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
            future.exception()
        producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        records = mode(entries, time.time())

        def produce(records: list[Record] = records, producer: Producer = producer, topic: str = topic) -> None:
            for key, value, headers in records:
                producer.produce(topic, value, key, headers=list(headers))
            producer.flush()

        produce()
        sizes = [
            len(key) + len(value) + sum(len(header) + len(text) + 2 for header, text in headers)
            for key, value, headers in records
        ]
        encoded = best(lambda mode=mode: mode(entries, 1.0), len(entries))  # type: ignore[misc]
        produced = best(produce, len(entries))
        size = sum(sizes) / len(sizes)
        sys.stdout.write(f"{name:<11} encode {encoded:.2f} us   produce {produced:.2f} us   {size:.0f} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1])
