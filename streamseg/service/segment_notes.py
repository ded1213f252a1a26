"""What people write down about a segment, beside the name that they give it."""

from typing import Final

import msgspec

from streamseg.errors import NotFoundError
from streamseg.ports import ModelStore
from streamseg.service.audit_trail import Change, Trail

LONGEST_NOTE: Final = 1_000
"""Characters."""


class SegmentNote(msgspec.Struct, frozen=True):
    """A note, who wrote it and when, epoch seconds."""

    text: str
    who: str
    at: float


_DECODE: Final = msgspec.json.Decoder(SegmentNote).decode


async def read_notes(models: ModelStore) -> dict[str, SegmentNote]:
    """Return the notes by segment id."""
    return {segment: _DECODE(note) for segment, note in (await models.notes()).items()}


async def write_note(models: ModelStore, segment: str, note: SegmentNote, trail: Trail) -> None:
    """Write the note of a segment, an empty one takes it away. The change is written to the trail before.

    Raises:
        NotFoundError: the catalogue has no such segment.
        ValueError: the note is longer than `LONGEST_NOTE`, or has characters that are not text.
    """
    lines = note.text.strip().splitlines()
    text = "\n".join(lines)
    if len(text) > LONGEST_NOTE or not all(one.isprintable() for one in lines):
        raise ValueError(f"a note has at most {LONGEST_NOTE} characters of text")
    if segment not in await models.catalogue():
        raise NotFoundError(f"there is no segment {segment}")
    known = (await read_notes(models)).get(segment)
    await trail.note(Change("note", segment, None if known is None else known.text, text or None))
    await models.write_note(segment, msgspec.json.encode(msgspec.structs.replace(note, text=text)) if text else None)
