"""Read the facts of `streamseg status` from Kafka and Redis; each may be away without hiding what the other says."""

import asyncio
import time

from streamseg.errors import ServerUnavailableError, StoreLoginError
from streamseg.kafka.group_view import read_kafka_view
from streamseg.ports import KafkaView
from streamseg.service.status import Status, StoredFacts, read_stored
from streamseg.settings import Settings
from streamseg.wiring.stores import stores, worker_reports


async def read_status(settings: Settings) -> Status:
    """Ask both servers at once. Raises `StoreLoginError` when Redis refuses us, and `SettingsError`."""
    kafka, stored = await asyncio.gather(
        asyncio.to_thread(read_kafka_view, settings.kafka), _read_stored(settings), return_exceptions=True
    )
    away = []
    for answer in (kafka, stored):
        if isinstance(answer, ServerUnavailableError) and not isinstance(answer, StoreLoginError):
            away.append(str(answer))
        elif isinstance(answer, BaseException):
            raise answer
    return Status(
        time.time(),
        kafka if isinstance(kafka, KafkaView) else None,
        stored if isinstance(stored, StoredFacts) else None,
        tuple(away),
        settings.worker.probe_interval_seconds,
    )


async def _read_stored(settings: Settings) -> StoredFacts:
    async with stores(settings) as (state, _, models), worker_reports(settings) as reports:
        return await read_stored(state, models, reports, tuple(settings.segmentations))
