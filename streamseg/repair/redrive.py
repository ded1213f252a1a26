"""Dead letters read back, and sent in again to where they came from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamseg.events.record import Record
from streamseg.events.rejection import CUT_HEADER, ERROR_HEADERS, original_headers
from streamseg.ports import EventSink, Log, OutgoingRecord
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS

REDRIVEN: Final = f"{ERROR_HEADERS}redriven"
"""Header of the note that a dead letter was sent in again: same topic and key, no value."""
AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record. Topic, partition and offset say which: a rewind may have written it twice."""

    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    detail: str
    rejected_at: float
    """Epoch seconds."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    """As the record came."""
    cut: bool = False
    """It was too large to be kept whole, and cannot be sent in again."""

    def told(self) -> dict[str, Any]:
        """What may be shown: everything but what the record holds."""
        told = asdict(self) | {"bytes": len(self.value or b"")}
        return {name: value for name, value in told.items() if name not in {"key", "value", "headers"}}

    def original(self) -> OutgoingRecord:
        """The record as it came, for the topic that it came to; its key decides the partition."""
        return OutgoingRecord(self.topic, self.key, self.value, self.headers)

    def note(self) -> OutgoingRecord:
        """Says beside the dead letter that it was sent in again."""
        place = {"topic": self.topic, "partition": str(self.partition), "offset": str(self.offset)}
        headers = tuple((f"{ERROR_HEADERS}{name}", text.encode()) for name, text in place.items())
        return OutgoingRecord(DEAD_LETTERS, self.key, None, (*headers, (REDRIVEN, b"1")))


async def standing(log: Log, partitions: int) -> list[DeadLetter]:
    """All dead letters that were not sent in again, each once, in the order of their rejection."""
    found: dict[tuple[str, int, int], DeadLetter] = {}
    redriven: set[tuple[str, int, int]] = set()
    for partition in range(partitions):
        first, end = await log.bounds(DEAD_LETTERS, partition)
        async for records in log.read(DEAD_LETTERS, partition, first, end):
            for record in records:
                letter = _letter(record)
                if letter is None:
                    continue
                place = letter.topic, letter.partition, letter.offset
                if any(name == REDRIVEN for name, _ in record.headers):
                    redriven.add(place)
                else:
                    found.setdefault(place, letter)
    left = (letter for place, letter in found.items() if place not in redriven)
    return sorted(left, key=lambda letter: letter.rejected_at)


async def redrive(letters: Iterable[DeadLetter], sink: EventSink) -> int:
    """Send in again those that are whole, and note it; how many. Broken off, some may be sent again the next time."""
    chosen = [letter for letter in letters if not letter.cut]
    for start in range(0, len(chosen), AT_ONCE):
        piece = chosen[start : start + AT_ONCE]
        await sink.send([letter.original() for letter in piece])
        await sink.send([letter.note() for letter in piece])
    return len(chosen)


def _letter(record: Record) -> DeadLetter | None:
    """None for a record that none of our workers wrote."""
    why = {
        name.removeprefix(ERROR_HEADERS): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(ERROR_HEADERS)
    }
    if why.get("topic") not in INPUT_TOPICS or not why.get("partition", "").isdigit():
        return None
    return DeadLetter(
        topic=why["topic"],
        partition=int(why["partition"]),
        offset=int(why.get("offset", "0")),
        stage=why.get("stage", ""),
        reason=why.get("reason", ""),
        detail=why.get("detail", ""),
        rejected_at=record.timestamp / 1000.0,
        key=record.key,
        value=record.value,
        headers=original_headers(record.headers),
        cut=any(name == CUT_HEADER for name, _ in record.headers),
    )
