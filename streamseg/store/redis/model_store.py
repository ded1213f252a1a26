"""Model snapshots and the segment catalogue on Redis."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from streamseg.store import key_names as keys
from streamseg.store.redis.servers.connection import Client, translated_errors
from streamseg.store.redis.servers.script import Script


class RedisModelStore:
    """A `ModelStore` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self._publish = Script("publish_model")

    async def publish(self, segmentation: str, version: int, parent: int, snapshot: bytes) -> bool:
        """See the port."""
        return bool(await self._publish.run(self._redis, [keys.model(segmentation)], [version, parent, snapshot]))

    async def snapshot(self, segmentation: str) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("HGET", keys.model(segmentation), "snapshot")
        return stored

    async def versions(self, segmentations: Sequence[str]) -> list[int]:
        """See the port."""
        return await asyncio.gather(*(self._version(segmentation) for segmentation in segmentations))

    async def _version(self, segmentation: str) -> int:
        with translated_errors():
            return int(await self._redis.execute_command("HGET", keys.model(segmentation), "version") or 0)

    async def rename(self, segment: str, name: str | None) -> None:
        """See the port."""
        command = ("HDEL", keys.NAMES, segment) if name is None else ("HSET", keys.NAMES, segment, name)
        with translated_errors():
            await self._redis.execute_command(*command)

    async def names(self) -> dict[str, str]:
        """See the port."""
        with translated_errors():
            stored = await self._redis.execute_command("HGETALL", keys.NAMES)
        return {segment.decode(): name.decode() for segment, name in stored.items()}

    async def write_note(self, segment: str, note: bytes | None) -> None:
        """See the port."""
        command = ("HDEL", keys.NOTES, segment) if note is None else ("HSET", keys.NOTES, segment, note)
        with translated_errors():
            await self._redis.execute_command(*command)

    async def notes(self) -> dict[str, bytes]:
        """See the port."""
        with translated_errors():
            stored = await self._redis.execute_command("HGETALL", keys.NOTES)
        return {segment.decode(): note for segment, note in stored.items()}

    async def promote(self, segmentation: str, public_from: int) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSETNX", keys.PROMOTED, segmentation, public_from)

    async def promoted(self) -> dict[str, int]:
        """See the port."""
        return await self._times(keys.PROMOTED)

    async def drop(self, segmentation: str, dropped_at: int) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSETNX", keys.DROPPED, segmentation, dropped_at)

    async def dropped(self) -> dict[str, int]:
        """See the port."""
        return await self._times(keys.DROPPED)

    async def _times(self, name: str) -> dict[str, int]:
        with translated_errors():
            stored = await self._redis.execute_command("HGETALL", name)
        return {segmentation.decode(): int(at) for segmentation, at in stored.items()}

    async def declare(self, generation: int, parent: int, audiences: bytes) -> bool:
        """See the port."""
        return bool(await self._publish.run(self._redis, [keys.AUDIENCES], [generation, parent, audiences]))

    async def declared(self) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("HGET", keys.AUDIENCES, "snapshot")
        return stored

    async def declared_generation(self) -> int:
        """See the port."""
        with translated_errors():
            return int(await self._redis.execute_command("HGET", keys.AUDIENCES, "version") or 0)

    async def write_list(self, name: str, content: bytes) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("HSET", keys.LISTS, name, content)

    async def read_list(self, name: str) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("HGET", keys.LISTS, name)
        return stored

    async def list_names(self) -> set[str]:
        """See the port."""
        with translated_errors():
            stored = await self._redis.execute_command("HKEYS", keys.LISTS)
        return {name.decode() for name in stored}

    async def remove_lists(self, names: Collection[str]) -> None:
        """See the port."""
        if names:
            with translated_errors():
                await self._redis.execute_command("HDEL", keys.LISTS, *names)

    async def write_audience_sizes(self, sizes: bytes) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("SET", keys.AUDIENCE_SIZES, sizes)

    async def audience_sizes(self) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("GET", keys.AUDIENCE_SIZES)
        return stored

    async def publish_lookalikes(self, version: int, parent: int, lookalikes: bytes) -> bool:
        """See the port."""
        return bool(await self._publish.run(self._redis, [keys.LOOKALIKES], [version, parent, lookalikes]))

    async def lookalikes(self) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("HGET", keys.LOOKALIKES, "snapshot")
        return stored

    async def lookalikes_version(self) -> int:
        """See the port."""
        with translated_errors():
            return int(await self._redis.execute_command("HGET", keys.LOOKALIKES, "version") or 0)

    async def write_customer_map(self, segmentation: str, drawn: bytes) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("SET", keys.customer_map(segmentation), drawn)

    async def remove_customer_maps(self, segmentations: Collection[str]) -> None:
        """See the port."""
        with translated_errors():
            for segmentation in segmentations:  # one after the other: they are on different nodes of a Cluster
                await self._redis.execute_command("DEL", keys.customer_map(segmentation))

    async def customer_map(self, segmentation: str) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("GET", keys.customer_map(segmentation))
        return stored

    async def write_rfm(self, borders: bytes) -> None:
        """See the port."""
        with translated_errors():
            await self._redis.execute_command("SET", keys.RFM, borders)

    async def rfm(self) -> bytes | None:
        """See the port."""
        with translated_errors():
            stored: bytes | None = await self._redis.execute_command("GET", keys.RFM)
        return stored

    async def write_catalogue(self, segments: Mapping[str, bytes]) -> None:
        """See the port."""
        if segments:
            fields = [part for segment in segments.items() for part in segment]
            with translated_errors():
                await self._redis.execute_command("HSET", keys.CATALOGUE, *fields)

    async def catalogue(self) -> dict[str, bytes]:
        """See the port."""
        with translated_errors():
            stored = await self._redis.execute_command("HGETALL", keys.CATALOGUE)
        return {segment.decode(): described for segment, described in stored.items()}

    async def remove_from_catalogue(self, segments: Collection[str]) -> None:
        """See the port."""
        for name in (keys.CATALOGUE, keys.NAMES, keys.NOTES) if segments else ():
            with translated_errors():
                await self._redis.execute_command("HDEL", name, *segments)
