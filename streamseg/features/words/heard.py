"""Remembers which categories were heard of lately, by hash group: rows keep sums of groups and no names.

Names are no part of a row, so what a row holds still does not depend on the order of events. They ride on samples to
the trainer, which names the groups by what most samples say (DESIGN.md, Segments describe themselves).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from zlib import crc32

from streamseg.features.words.attributes import slug

NAMES: Final = 32
"""Names remembered of a group: the most frequent ones, approximately."""
COVERED: Final = 0.8
"""The names that are told of a group cover this share of what was heard."""
TOLD: Final = 3
"""Names that are told of a group, at most."""


def category_group(name: str | None, groups: int) -> int | None:
    """Return the hash group of a category; None if it has no letter."""
    known = slug(name) if name else ""
    return crc32(known.encode()) % groups if known else None


class HeardNames:
    """Counts names by group with the Space-Saving algorithm, in bounded memory.

    Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements", ICDT 2005.
    """

    def __init__(self) -> None:
        self._counts: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def hear(self, names: Iterable[str | None], groups: int) -> None:
        """Count the names of a batch."""
        for name in names:
            group = category_group(name, groups)
            if group is None or name is None:
                continue
            counts, known = self._counts[group], slug(name)
            if known in counts or len(counts) < NAMES:
                counts[known] = counts.get(known, 0) + 1
            else:
                least = min(counts, key=counts.__getitem__)
                counts[known] = counts.pop(least) + 1

    def names_of(self, group: int) -> str | None:
        """Return the names that make up most of a group, the most frequent first: "shoes or hats".

        None where nothing was heard, or `TOLD` names do not cover it.
        """
        counts = self._counts.get(group, {})
        total, covered, told = sum(counts.values()), 0, list[str]()
        for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:TOLD]:
            told.append(name.replace("_", " "))
            covered += count
            if covered >= COVERED * total:
                return " or ".join(told)
        return None
