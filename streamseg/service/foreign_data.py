"""Tell a simulated shop's data from a live shop's, so that the two are never mixed on the same servers.

FitGear's customers have ids of a form of their own. Data of anybody else is foreign: the first such record or key is
enough to refuse.
"""

import re
from typing import Final

from streamseg.events.cloudevents import HEARTBEAT_TYPE, PROBE_TYPE
from streamseg.ports import Log
from streamseg.topics import CLICKS, DEAD_LETTERS, INPUT_TOPICS, MEMBERSHIPS

FITGEAR_ID: Final = re.compile(rb"fg-\d{6,}")
WITH_CUSTOMERS: Final = (MEMBERSHIPS, *(topic for topic in INPUT_TOPICS if topic != CLICKS), DEAD_LETTERS, CLICKS)
"""Topics whose keys are customer ids. Clicks last: theirs may be hard to find among a week of probes."""
SIGNALS: Final = frozenset({("ce_type", HEARTBEAT_TYPE.encode()), ("ce_type", PROBE_TYPE.encode())})


async def foreign_topic(log: Log, partitions: dict[str, int]) -> str | None:
    """Return the first topic with a record of a customer who is not FitGear's; None if there is none.

    Reads the whole topics, but stops at the first such record. Heartbeats and probes have no customer and count for
    nobody.

    Args:
        log: reads the topics.
        partitions: partition count of each topic that is there.
    """
    for topic in WITH_CUSTOMERS:
        for partition in range(partitions.get(topic, 0)):
            first, end = await log.bounds(topic, partition)
            async for records in log.read(topic, partition, first, end):
                for record in records:
                    if SIGNALS.isdisjoint(record.headers) and not is_fitgear(record.key):
                        return topic
    return None


def is_fitgear(customer_id: bytes | None) -> bool:
    """Return whether the id is of the form of FitGear's customers."""
    return customer_id is not None and FITGEAR_ID.fullmatch(customer_id) is not None
