"""Keep a copy of the segment catalogue in memory: it is read every few seconds, not for every request."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.language import DEFAULT
from streamseg.language.actions import Action
from streamseg.language.segment_text import written
from streamseg.ports import ModelStore

HIDDEN: Final = ("representatives",)
"""Fields of the stored catalogue that name customers."""
PUBLIC: Final = ("segmentation", "label", "created", "retired")
"""Fields that browsers see. Sizes, values and what customers spend are only for the shop."""


class CatalogueCache:
    """The published segments. Segments of shadow segmentations are left out.

    A segment is public when its catalogue entry says so, or when its id matches one of `public_patterns`. Actions are
    suggested from the given table. `public_audiences` are ids or patterns.
    """

    def __init__(
        self,
        models: ModelStore,
        public_patterns: Sequence[str] = (),
        actions: Sequence[Action] = (),
        *,
        public_audiences: Sequence[str] = (),
    ) -> None:
        self._models = models
        self._patterns = tuple(public_patterns)
        self._audience_patterns = tuple(public_audiences)
        self._actions = tuple(actions)
        self._written: dict[str, dict[str, dict[str, Any]]] = {}
        """Entries with their text, by language: written when a language is first asked for after a read."""
        self.entries: dict[str, dict[str, Any]] = {}
        """Catalogue entries by segment id."""
        self.content_audiences: tuple[str, ...] = ()
        """Ids of the declared audiences for content."""
        self.public_audiences: frozenset[str] = frozenset()
        """Those of them that browsers may see: named by the settings, and not too small."""
        self.read_at: int | None = None
        """Wall time of the last successful read, epoch seconds; None before the first."""

    async def refresh(self, now: float) -> None:
        """Read the catalogue and the declared audiences; the copy stays where that fails.

        Raises `StoreUnavailableError`, or `ValueError` for a wrong entry.
        """
        stored, declared = await self._models.catalogue(), DeclaredAudiences.decode(await self._models.declared())
        decoded = {segment: msgspec.json.decode(entry) for segment, entry in sorted(stored.items())}
        self.entries = {
            segment: {name: value for name, value in entry.items() if name not in HIDDEN}
            for segment, entry in decoded.items()
            if not entry.get("shadow")
        }
        self.content_audiences = tuple(one.id for one in declared.live if one.definition["purpose"] == "content")
        sizes = AudienceSizes.decode(await self._models.audience_sizes())
        self.public_audiences = frozenset(
            one
            for one in sizes.large_enough(declared, "content")
            if any(fnmatchcase(one, pattern) for pattern in self._audience_patterns)
        )
        self.read_at = int(now)
        self._written = {}

    def is_public(self, segment: str) -> bool:
        """Return whether browsers may see the segment."""
        return bool(self.entries.get(segment, {}).get("public")) or any(
            fnmatchcase(segment, pattern) for pattern in self._patterns
        )

    def listed(self, *, public_only: bool, language: str = DEFAULT) -> list[dict[str, Any]]:
        """Return the entries with their ids and text; with `public_only`, the public fields of public segments."""
        if language not in self._written:
            self._written[language] = written(self.entries, self._actions, language)
        entries = self._written[language]
        if not public_only:
            return [{"id": segment} | entry for segment, entry in entries.items()]
        return [
            {"id": segment} | {name: entry[name] for name in PUBLIC if name in entry}
            for segment, entry in entries.items()
            if self.is_public(segment)
        ]
