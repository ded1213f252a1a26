"""Model snapshots and the segment catalogue in memory."""

from collections.abc import Collection, Mapping, Sequence


class MemoryModelStore:
    """A `ModelStore` in memory."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[int, bytes]] = {}
        self._segments: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        self._notes: dict[str, bytes] = {}
        self._promoted: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._rfm: bytes | None = None
        self._maps: dict[str, bytes] = {}
        self._lookalikes: tuple[int, bytes | None] = (0, None)
        self._audience_sizes: bytes | None = None
        self._audiences: tuple[int, bytes | None] = (0, None)
        self._lists: dict[str, bytes] = {}

    async def publish(self, segmentation: str, version: int, parent: int, snapshot: bytes) -> bool:
        """See the port."""
        if self._models.get(segmentation, (0, b""))[0] != parent:
            return False
        self._models[segmentation] = (version, snapshot)
        return True

    async def snapshot(self, segmentation: str) -> bytes | None:
        """See the port."""
        return self._models[segmentation][1] if segmentation in self._models else None

    async def versions(self, segmentations: Sequence[str]) -> list[int]:
        """See the port."""
        return [self._models.get(segmentation, (0, b""))[0] for segmentation in segmentations]

    async def rename(self, segment: str, name: str | None) -> None:
        """See the port."""
        if name is None:
            self._names.pop(segment, None)
        else:
            self._names[segment] = name

    async def names(self) -> dict[str, str]:
        """See the port."""
        return dict(self._names)

    async def write_note(self, segment: str, note: bytes | None) -> None:
        """See the port."""
        if note is None:
            self._notes.pop(segment, None)
        else:
            self._notes[segment] = note

    async def notes(self) -> dict[str, bytes]:
        """See the port."""
        return dict(self._notes)

    async def promote(self, segmentation: str, public_from: int) -> None:
        """See the port."""
        self._promoted.setdefault(segmentation, public_from)

    async def promoted(self) -> dict[str, int]:
        """See the port."""
        return dict(self._promoted)

    async def drop(self, segmentation: str, dropped_at: int) -> None:
        """See the port."""
        self._dropped.setdefault(segmentation, dropped_at)

    async def dropped(self) -> dict[str, int]:
        """See the port."""
        return dict(self._dropped)

    async def declare(self, generation: int, parent: int, audiences: bytes) -> bool:
        """See the port."""
        if self._audiences[0] != parent:
            return False
        self._audiences = generation, audiences
        return True

    async def declared(self) -> bytes | None:
        """See the port."""
        return self._audiences[1]

    async def declared_generation(self) -> int:
        """See the port."""
        return self._audiences[0]

    async def write_list(self, name: str, content: bytes) -> None:
        """See the port."""
        self._lists[name] = content

    async def read_list(self, name: str) -> bytes | None:
        """See the port."""
        return self._lists.get(name)

    async def list_names(self) -> set[str]:
        """See the port."""
        return set(self._lists)

    async def remove_lists(self, names: Collection[str]) -> None:
        """See the port."""
        for name in names:
            self._lists.pop(name, None)

    async def write_audience_sizes(self, sizes: bytes) -> None:
        """See the port."""
        self._audience_sizes = sizes

    async def audience_sizes(self) -> bytes | None:
        """See the port."""
        return self._audience_sizes

    async def publish_lookalikes(self, version: int, parent: int, lookalikes: bytes) -> bool:
        """See the port."""
        if self._lookalikes[0] != parent:
            return False
        self._lookalikes = version, lookalikes
        return True

    async def lookalikes(self) -> bytes | None:
        """See the port."""
        return self._lookalikes[1]

    async def lookalikes_version(self) -> int:
        """See the port."""
        return self._lookalikes[0]

    async def write_customer_map(self, segmentation: str, drawn: bytes) -> None:
        """See the port."""
        self._maps[segmentation] = drawn

    async def remove_customer_maps(self, segmentations: Collection[str]) -> None:
        """See the port."""
        for segmentation in segmentations:
            self._maps.pop(segmentation, None)

    async def customer_map(self, segmentation: str) -> bytes | None:
        """See the port."""
        return self._maps.get(segmentation)

    async def write_rfm(self, borders: bytes) -> None:
        """See the port."""
        self._rfm = borders

    async def rfm(self) -> bytes | None:
        """See the port."""
        return self._rfm

    async def write_catalogue(self, segments: Mapping[str, bytes]) -> None:
        """See the port."""
        self._segments |= segments

    async def catalogue(self) -> dict[str, bytes]:
        """See the port."""
        return dict(self._segments)

    async def remove_from_catalogue(self, segments: Collection[str]) -> None:
        """See the port."""
        for segment in segments:
            self._segments.pop(segment, None)
            self._notes.pop(segment, None)
            self._names.pop(segment, None)
