"""The IAB Audience Taxonomy 1.1, as far as its ids go: which there are, and which say something by themselves."""

from functools import cache
from importlib import resources
from typing import Final

SEGTAX: Final = 4
"""Its number in `data.ext.segtax` (IAB Tech Lab's list of taxonomies)."""

WITHOUT_MEANING: Final = ("place", "language")
"""Placeholders for the value of such an extension. Purchase intents take one too, and go without it here."""


@cache
def audience_ids() -> frozenset[str]:
    """The ids that a segment can be mapped to. Read from taxonomies/iab_audience_1_1.tsv, which names its source."""
    listed = resources.files("streamseg.api.routes").joinpath("taxonomies", "iab_audience_1_1.tsv").read_text()
    ids: set[str] = set()
    for line in listed.splitlines():
        if not line.startswith("#"):
            first, last, _, extension = line.split("\t")
            if extension not in WITHOUT_MEANING:
                ids.update(map(str, range(int(first), int(last) + 1)))
    return frozenset(ids)
