"""Makes ids for events of files that have none.

An id comes from the content of the event's lines: kind, customer, time and all cells. So it does not depend on the
file's name, the order of its lines, or what was read before. Lines with equal content in one file are different events:
they are counted. In two files they are the same event, because one of them is a copy or an overlapping export.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
from xxhash import xxh3_64_hexdigest, xxh3_128_hexdigest, xxh3_128_intdigest

from streamseg.sources.reading.cells import cell_of
from streamseg.sources.reading.line_reader import MappedLine

MAX_ID: Final = 128
"""Greatest length of an event id."""
_MASK: Final = (1 << 128) - 1
_encode: Final = msgspec.json.Encoder().encode


class ContentIds:
    """Ids from contents; the same content again gets a count. One instance per file."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeats: dict[int, int] = {}

    def unique(self, content: int) -> str:
        """Return an id that this instance has not returned before."""
        content &= _MASK
        made = f"{content:032x}"
        short = content & 0xFFFF_FFFF_FFFF_FFFF
        if short not in self._seen:
            self._seen.add(short)
            return made
        self._repeats[short] = self._repeats.get(short, 1) + 1
        return f"{made}-{self._repeats[short]}"


def content_of(line: MappedLine) -> int:
    """Return a 128-bit hash of the line's kind, customer, time and cells that are not empty."""
    name = "refund" if line.refund else line.fields.get("event_name", "")
    cells = sorted((column, text) for column, cell in line.line.items() if (text := _text(cell_of(cell))))
    return xxh3_128_intdigest(_encode((line.kind, str(name), line.customer_id, line.at, cells)))


def joined(cells: Sequence[str]) -> str:
    """Return the cells as one text that differs for different cells."""
    text = "-".join(cells)
    if text.count("-") < len(cells):
        return text
    return f"{text}-{xxh3_64_hexdigest(_encode(cells))[:8]}" if len(cells) > 1 else text


def fitting(event_id: str) -> str:
    """Return the id, or a hash of one that is too long: cut ids could be equal."""
    return event_id if len(event_id) <= MAX_ID else xxh3_128_hexdigest(event_id.encode())


def _text(cell: object) -> str:
    """Return the same text for a number in each format of files."""
    if isinstance(cell, float | Decimal) and math.isfinite(cell) and cell == int(cell):
        return str(int(cell))
    return "" if cell is None else str(cell)
