"""Read the facts of `streamseg status` from Kafka and Redis; each may be away without hiding what the other says."""

import asyncio
import time

from streamseg.errors import ServerUnavailableError, StoreLoginError
from streamseg.kafka.group_view import read_kafka_view
from streamseg.ports import KafkaView
from streamseg.service.status import Status, StoredFacts, read_stored
from streamseg.settings import Settings
from streamseg.wiring.stores import stores, worker_reports


async def read_status(settings: Settings, *, ask_kafka: bool = True) -> Status:
    """Ask Kafka, unless it is not to be asked, then Redis.

    Raises `StoreLoginError` when Redis refuses us, and `SettingsError`.
    """
    away = []
    kafka: KafkaView | None = None
    stored: StoredFacts | None = None
    try:
        kafka = await asyncio.to_thread(read_kafka_view, settings.kafka) if ask_kafka else None
    except ServerUnavailableError as error:
        away.append(str(error))
    try:
        async with stores(settings) as (state, _, models), worker_reports(settings) as reports:
            partitions = None if kafka is None else kafka.partitions
            stored = await read_stored(state, models, reports, settings.learned, partitions)
    except StoreLoginError:
        raise
    except ServerUnavailableError as error:
        away.append(str(error))
    return Status(time.time(), kafka, stored, tuple(away))
