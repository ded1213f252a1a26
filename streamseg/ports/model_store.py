"""The store of models, and of what people name, declare and publish beside them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


class ModelStore(Protocol):
    """Model snapshots and the segment catalogue. Every call may raise `StoreUnavailableError`."""

    async def publish(self, segmentation: str, version: int, parent: int, snapshot: bytes) -> bool:
        """Store the snapshot if the stored version is `parent` (0: none stored); return whether it was stored.

        Called by the trainer. False means that another trainer has published since.
        """
        ...

    async def snapshot(self, segmentation: str) -> bytes | None:
        """Return the stored snapshot, None before the first. Called by the trainer, model caches and explanations."""
        ...

    async def versions(self, segmentations: Sequence[str]) -> list[int]:
        """Return the stored version of each, 0 for none. Called by every worker's model cache twice a second."""
        ...

    async def rename(self, segment: str, name: str | None) -> None:
        """Store the name that a person gave a segment; None removes it. Called by `streamseg segments rename`."""
        ...

    async def names(self) -> dict[str, str]:
        """Return the names that people gave, by segment id. Called by the trainer when it writes the catalogue."""
        ...

    async def write_note(self, segment: str, note: bytes | None) -> None:
        """Store the JSON of a note on a segment; None removes it. Called by the console."""
        ...

    async def notes(self) -> dict[str, bytes]:
        """Return the notes by segment id. Called by the console."""
        ...

    async def promote(self, segmentation: str, public_from: int) -> None:
        """Store when a shadow segmentation becomes public, epoch seconds of wall time. A stored time is kept.

        Called by `streamseg promote`.
        """
        ...

    async def promoted(self) -> dict[str, int]:
        """Return the times set by `promote`, by segmentation. Called by model caches twice a second."""
        ...

    async def drop(self, segmentation: str, dropped_at: int) -> None:
        """Store that a segmentation was given up, and when (epoch seconds of wall time). A stored time is kept.

        Called by `streamseg segments drop`. There is no way back.
        """
        ...

    async def dropped(self) -> dict[str, int]:
        """Return the times set by `drop`, by segmentation. Called at start and by model caches twice a second."""
        ...

    async def declare(self, generation: int, parent: int, audiences: bytes) -> bool:
        """Store the declared audiences if the stored generation is `parent` (0: none); return whether it was stored.

        Called by `streamseg audiences`. False means that somebody else has changed them since.
        """
        ...

    async def declared(self) -> bytes | None:
        """Return the declared audiences, None before the first. Called by model caches and `streamseg audiences`."""
        ...

    async def declared_generation(self) -> int:
        """Return the generation of the declared audiences, 0 for none. Called by model caches twice a second."""
        ...

    async def write_list(self, name: str, content: bytes) -> None:
        """Store the content of an uploaded list under a name that was never used. Called by `streamseg lists add`."""
        ...

    async def read_list(self, name: str) -> bytes | None:
        """Return the content of an uploaded list, None if there is none.

        Called by model caches when audiences or lists have changed, and by commands that evaluate rules.
        """
        ...

    async def list_names(self) -> set[str]:
        """Return the names of all stored contents. Called by `streamseg lists` when a list has changed."""
        ...

    async def remove_lists(self, names: Collection[str]) -> None:
        """Delete these contents. Called by `streamseg lists` when no set of audiences names them any more."""
        ...

    async def write_audience_sizes(self, sizes: bytes) -> None:
        """Store the sizes of the audiences, replacing the present ones. Called by the trainer every few seconds."""
        ...

    async def audience_sizes(self) -> bytes | None:
        """Return the stored sizes of the audiences, None before the first. Called by the ads mirror."""
        ...

    async def publish_lookalikes(self, version: int, parent: int, lookalikes: bytes) -> bool:
        """Store all look-alikes if the stored version is `parent` (0: none stored); return whether they were stored.

        Called by the trainer. False means that another trainer has published since.
        """
        ...

    async def lookalikes(self) -> bytes | None:
        """Return the stored look-alikes, None before the first.

        Called by the trainer, model caches, the API and commands.
        """
        ...

    async def lookalikes_version(self) -> int:
        """Return the stored version, 0 for none.

        Called twice a second by model caches with a use for them, and by the API.
        """
        ...

    async def write_rfm(self, borders: bytes) -> None:
        """Store the borders of the shop's RFM scores, replacing the present ones. Called by the trainer."""
        ...

    async def rfm(self) -> bytes | None:
        """Return the stored borders, None before the first. Called by the trainer and explanations."""
        ...

    async def write_customer_map(self, segmentation: str, drawn: bytes) -> None:
        """Store the map of a segmentation's customers, replacing the present one. Called by the trainer."""
        ...

    async def remove_customer_maps(self, segmentations: Collection[str]) -> None:
        """Delete the maps of these segmentations. Called by the trainer for dropped ones."""
        ...

    async def customer_map(self, segmentation: str) -> bytes | None:
        """Return the stored map, None before the first. Called by the trainer and the console."""
        ...

    async def write_catalogue(self, segments: Mapping[str, bytes]) -> None:
        """Store the JSON of these segment ids; others stay. Called by the trainer and `streamseg segments rename`."""
        ...

    async def remove_from_catalogue(self, segments: Collection[str]) -> None:
        """Delete these segment ids with the names and notes that people gave them. Called by the trainer."""
        ...

    async def catalogue(self) -> dict[str, bytes]:
        """Return the JSON of every segment by id. Called by the trainer, the API and the ads mirror."""
        ...
