"""The ids of the IAB Audience Taxonomy 1.1 that a segment can be mapped to."""

from functools import cache
from importlib import resources
from typing import Final

SEGTAX: Final = 4
"""Its number in `data.ext.segtax` (IAB Tech Lab's list of taxonomies)."""

NEEDS_VALUE: Final = ("place", "language")
"""Extensions that mean nothing without a value. Purchase intents also take one, but are usable without it."""


@cache
def audience_ids() -> frozenset[str]:
    """Return the ids that mean something without an extension, from taxonomies/iab_audience_1_1.tsv."""
    listed = resources.files("streamseg.api.ads").joinpath("taxonomies", "iab_audience_1_1.tsv").read_text()
    ids: set[str] = set()
    for line in listed.splitlines():
        if not line.startswith("#"):
            first, last, _, extension = line.split("\t")
            if extension not in NEEDS_VALUE:
                ids.update(map(str, range(int(first), int(last) + 1)))
    return frozenset(ids)
