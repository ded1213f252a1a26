"""What subscribers are told of a customer by the records of the change topic."""

import json
from collections.abc import Iterable

from streamseg.api.webhooks.messages import Change
from streamseg.events.record import MemoryRecord
from streamseg.ports import ChangeRecord, Subscriber


def told(records: Iterable[MemoryRecord], subscriber: Subscriber, customer: str) -> list[str]:
    """What the subscriber was told of the customer, in order: "entered", "exited" or "removed".

    A redelivered record has the message id of the first one.
    """
    by_message: dict[str, list[str]] = {}
    for record in records:
        if record.key == customer.encode():
            change = Change(ChangeRecord(record.key, record.value, f"0-{record.offset}", dict(record.headers)))
            for delivery in change.deliveries([subscriber], 0.0):
                changes = json.loads(delivery.body)["data"].get("changes", ())
                by_message[delivery.message_id] = [one["change"] for one in changes] or ["removed"]
    return [each for changes in by_message.values() for each in changes]
