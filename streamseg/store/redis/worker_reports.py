"""Reports of workers on Redis: one short-lived string for each."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from streamseg.ports import WorkerReport
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.connection import Client, translated_errors

_REPORT: Final = msgspec.json.Decoder(WorkerReport)


class RedisWorkerReports:
    """`WorkerReports` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def put(self, report: WorkerReport, ttl_seconds: int) -> None:
        """See the port."""
        written = msgspec.json.encode(report)
        with translated_errors():
            await self._redis.execute_command("SET", keys.worker_report(report.owner), written, "EX", ttl_seconds)

    async def read(self, owners: Sequence[str]) -> dict[str, WorkerReport]:
        """See the port. A report of another release that we cannot read counts as none."""
        found = {}
        for owner in owners:
            with translated_errors():
                stored = await self._redis.execute_command("GET", keys.worker_report(owner))
            if stored is not None:
                with suppress(msgspec.DecodeError):
                    found[owner] = _REPORT.decode(stored)
        return found
