"""The segments there are, as this process knows them: read every few seconds, not at every request."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from streamseg.errors import StoreUnavailableError
from streamseg.ports import ModelStore

HIDDEN: Final = ("representatives",)
"""Fields of the stored catalogue that name customers."""
PUBLIC: Final = ("segmentation", "label", "created", "retired")
"""What browsers see of a segment; sizes, values and what customers spend are the shop's own business."""


class Catalogue:
    """The catalogue without what is in shadow, and which of its segments are public.

    Those are marked so in the catalogue, or fit a pattern of the settings.
    """

    def __init__(self, models: ModelStore, public_patterns: Sequence[str] = ()) -> None:
        self._models = models
        self._patterns = tuple(public_patterns)
        self.entries: dict[str, dict[str, Any]] = {}
        self.read_at: int | None = None
        """Wall time of the last successful read; None before it."""

    async def refresh(self, now: float) -> bool:
        """Read it anew; False, and what was known stays, when the store is away."""
        try:
            stored = await self._models.catalogue()
        except StoreUnavailableError:
            return False
        told = {segment: msgspec.json.decode(entry) for segment, entry in sorted(stored.items())}
        self.entries = {
            segment: {name: value for name, value in entry.items() if name not in HIDDEN}
            for segment, entry in told.items()
            if not entry.get("shadow")
        }
        self.read_at = int(now)
        return True

    def is_public(self, segment: str) -> bool:
        """Whether browsers may know of it."""
        return bool(self.entries.get(segment, {}).get("public")) or any(
            fnmatchcase(segment, pattern) for pattern in self._patterns
        )

    def listed(self, *, public_only: bool) -> list[dict[str, Any]]:
        """The entries with their ids; for the public, of public segments and without the shop's figures."""
        if not public_only:
            return [{"id": segment} | entry for segment, entry in self.entries.items()]
        return [
            {"id": segment} | {name: entry[name] for name in PUBLIC if name in entry}
            for segment, entry in self.entries.items()
            if self.is_public(segment)
        ]

    def segmentations(self) -> list[str]:
        """The names of all segmentations, in order."""
        return sorted({str(entry["segmentation"]) for entry in self.entries.values()})
