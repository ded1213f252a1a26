"""Read dead letters, and send their records again to the topics that they came from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamseg.events.record import Record
from streamseg.events.rejection import CUT_HEADER, ERROR_HEADERS, original_headers
from streamseg.ports import EventSink, Log, OutgoingRecord
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS

REDRIVEN: Final = f"{ERROR_HEADERS}redriven"
"""Header of a record that marks a dead letter as sent again: same topic and key, no value."""
LETTERS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record, identified by topic, partition and offset: a rewind can write it twice."""

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
    """Headers of the original record."""
    cut: bool = False
    """True if the record was too large to keep its whole value; it cannot be sent again."""

    def shown(self) -> dict[str, Any]:
        """Return the fields that may be printed: all except the content of the record."""
        fields = asdict(self) | {"bytes": len(self.value or b"")}
        return {name: value for name, value in fields.items() if name not in {"key", "value", "headers"}}

    def original(self) -> OutgoingRecord:
        """Return the original record for its topic; the key decides the partition."""
        return OutgoingRecord(self.topic, self.key, self.value, self.headers)

    def redriven_mark(self) -> OutgoingRecord:
        """Return the record that marks this dead letter as sent again."""
        place = {"topic": self.topic, "partition": str(self.partition), "offset": str(self.offset)}
        headers = tuple((f"{ERROR_HEADERS}{name}", text.encode()) for name, text in place.items())
        return OutgoingRecord(DEAD_LETTERS, self.key, None, (*headers, (REDRIVEN, b"1")))


async def read_dead_letters(log: Log, partitions: int) -> list[DeadLetter]:
    """Return the dead letters that were not sent again, each once, in order of rejection."""
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


async def dead_letter_ends(log: Log, partitions: int) -> list[int]:
    """Return the end offset of each partition of the dead letters, for `reasons_since`."""
    return [(await log.bounds(DEAD_LETTERS, partition))[1] for partition in range(partitions)]


async def reasons_since(log: Log, starts: Sequence[int]) -> Counter[str]:
    """Return how many records were rejected, by reason and each once, since the dead letters ended at `starts`."""
    reasons: dict[tuple[str, int, int], str] = {}
    for partition, start in enumerate(starts):
        first, end = await log.bounds(DEAD_LETTERS, partition)
        async for records in log.read(DEAD_LETTERS, partition, max(first, start), end):
            for record in records:
                letter = _letter(record)
                if letter is not None and not any(name == REDRIVEN for name, _ in record.headers):
                    reasons[letter.topic, letter.partition, letter.offset] = letter.reason
    return Counter(reasons.values())


async def redrive(letters: Iterable[DeadLetter], sink: EventSink) -> int:
    """Send the records that are complete, and mark their dead letters; return the number of records sent.

    If this is interrupted, the next call may send some records twice.
    """
    chosen = [letter for letter in letters if not letter.cut]
    for start in range(0, len(chosen), LETTERS_AT_ONCE):
        piece = chosen[start : start + LETTERS_AT_ONCE]
        await sink.send([letter.original() for letter in piece])
        await sink.send([letter.redriven_mark() for letter in piece])
    return len(chosen)


def _letter(record: Record) -> DeadLetter | None:
    """Parse a record of the dead letter topic; None if no worker wrote it."""
    errors = {
        name.removeprefix(ERROR_HEADERS): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(ERROR_HEADERS)
    }
    if errors.get("topic") not in INPUT_TOPICS or not errors.get("partition", "").isdigit():
        return None
    return DeadLetter(
        topic=errors["topic"],
        partition=int(errors["partition"]),
        offset=int(errors.get("offset", "0")),
        stage=errors.get("stage", ""),
        reason=errors.get("reason", ""),
        detail=errors.get("detail", ""),
        rejected_at=record.timestamp / 1000.0,
        key=record.key,
        value=record.value,
        headers=original_headers(record.headers),
        cut=any(name == CUT_HEADER for name, _ in record.headers),
    )
