"""Compare live rows with a single undisturbed pass over the sent events."""

import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from streamseg.events.record import MemoryRecord
from streamseg.repair.row_comparison import RowDifference
from streamseg.repair.single_pass import ERASURES_FIRST, SinglePass
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent
from streamseg.sources.sending import record_of
from streamseg.topics import INPUT_TOPICS
from streamseg.wiring.derived import derive


def compare_with_sent(
    settings: Settings, sent: Sequence[SourceEvent], live: Mapping[str, bytes]
) -> list[RowDifference]:
    """Return the differences between the live rows of all partitions and the events in the order of sending."""
    replay = SinglePass(derive(settings).layout, derive(settings).decoder, derive(settings).money, lambda _: True)
    by_topic: defaultdict[str, list[MemoryRecord]] = defaultdict(list)
    now = int(time.time() * 1000)
    for event in sent:
        record = record_of(event)
        records = by_topic[record.topic]
        records.append(MemoryRecord(record.topic, 0, len(records), now, record.key, record.value, record.headers))
    until = dict.fromkeys((event.customer_id for event in sent), sys.maxsize)
    for source in ERASURES_FIRST:
        replay.take(source, by_topic[INPUT_TOPICS[source]], until)
    customers = until.keys()
    lost = [RowDifference(customer, "row", "none", "was sent", "lost") for customer in customers - live.keys()]
    surplus = [
        RowDifference(customer, "row", "exists", "never sent", "doubled") for customer in live.keys() - customers
    ]
    return lost + surplus + replay.compare({customer: live[customer] for customer in customers & live.keys()})
