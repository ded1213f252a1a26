"""Transactions of a producer other than the load's: aborted, or open for some seconds and then committed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from confluent_kafka import KafkaException, Message, Producer

from streamseg.sources.event import SourceEvent
from streamseg.sources.sending import record_of

EVENTS: Final = 40
"""Events in one transaction."""
CALL_SECONDS: Final = 10.0
"""Time that one call may wait for the broker; after it the call is made again."""
DEADLINE_SECONDS: Final = 90.0
TIMEOUT_MS: Final = 60_000
"""Time after which the broker aborts a transaction by itself."""


class Transactions:
    """Writes transactions. Each has a producer of its own, so that one may be open while another is."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._numbers = count(1)
        self.aborted = 0
        """Events that are in the log and must not count."""

    async def write(self, events: Sequence[SourceEvent], seconds: float, *, commit: bool) -> bool:
        """Write events in one transaction, keep it open for some seconds, and end it. Returns whether it committed."""
        written: list[Message] = []
        producer = await asyncio.to_thread(self._begin, events, written)
        await asyncio.sleep(seconds)
        committed = await asyncio.to_thread(_end, producer, commit)
        if not committed:
            self.aborted += len(written)
        return committed

    def _begin(self, events: Sequence[SourceEvent], written: list[Message]) -> Producer:
        producer = Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "partitioner": "murmur2_random",
                "transactional.id": f"chaos-{next(self._numbers)}",
                "transaction.timeout.ms": TIMEOUT_MS,
                "log_level": 2,
            }
        )
        _until_done(lambda: producer.init_transactions(CALL_SECONDS))
        producer.begin_transaction()
        for record in map(record_of, events):
            producer.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=lambda error, message: written.extend([message] if error is None else []),
            )
        producer.flush(CALL_SECONDS)
        return producer


def _end(producer: Producer, commit: bool) -> bool:
    """Commit or abort; abort too where the broker lets no more commit. Returns whether it committed."""
    if commit:
        try:
            _until_done(lambda: producer.commit_transaction(CALL_SECONDS))
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
        else:
            return True
    _until_done(lambda: producer.abort_transaction(CALL_SECONDS))
    return False


def _until_done(call: Callable[[], object]) -> None:
    """Make a call again while its error says that it can be. Raises `KafkaException`."""
    until = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            call()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return
