"""Delivers membership changes to webhook subscribers until SIGTERM: the process behind `webhooks run`."""

import asyncio
import logging
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from streamseg.errors import StreamsegError
from streamseg.logs import OutageLog

if TYPE_CHECKING:
    from streamseg.api.webhooks.dispatcher import Dispatcher
    from streamseg.kafka.change_feed import ChangeFeed
    from streamseg.ports import ChangeRecord
    from streamseg.settings import Settings

PAUSE_SECONDS: Final = 1.0
THREADS: Final = 128
"""They resolve the names of subscribers: a few names without an answer must not delay the others and the reading."""
log = logging.getLogger(__name__)


async def deliver(settings: "Settings", metrics_port: int | None) -> None:
    """Read changes and deliver them until SIGTERM or Ctrl-C. Raises the error of a task that fails."""
    from streamseg.api.webhooks.dispatcher import Dispatcher
    from streamseg.api.webhooks.posting import posting
    from streamseg.metrics import Metrics
    from streamseg.tasks import end
    from streamseg.wiring.build_api import webhooks
    from streamseg.wiring.kafka_clients import change_feed

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics()
    if metrics_port is not None:
        metrics.serve(settings.worker.metrics_host, metrics_port)
    try:
        async with (
            change_feed(settings, "webhooks") as feed,
            webhooks(settings) as (store, ads_audiences),
            posting() as post,
        ):
            dispatcher = Dispatcher(store, post, metrics, time.time, ads_audiences=ads_audiences)
            tasks = [asyncio.create_task(each) for each in (_take_in(feed, dispatcher), dispatcher.run())]
            tasks.append(asyncio.create_task(stop.wait()))  # type: ignore[arg-type]  # the first to end ends all
            log.info("delivering changes to subscribers")
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await end(*tasks)
    finally:
        metrics.close()


async def _take_in(feed: "ChangeFeed", dispatcher: "Dispatcher") -> None:
    """Turn changes into deliveries; commit them once the store has the deliveries."""
    outage = OutageLog(log, "the reader of changes", "the servers")
    held: list[ChangeRecord] = []
    while True:
        try:
            if await dispatcher.is_full():
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            held = held or await feed.next()
            if held:
                await dispatcher.take_in(held)
                await feed.commit()
                held = []
            outage.over()
        except StreamsegError as error:
            outage.waits(error)
            await asyncio.sleep(PAUSE_SECONDS)
