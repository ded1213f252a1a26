"""Ending tasks for certain."""

import asyncio
from typing import Any, Final

AGAIN_SECONDS: Final = 0.2


async def end(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel the tasks until they are gone, whatever they end with.

    Once is not enough: a library's own timeout that meets the cancellation may swallow it, and who waits would wait for
    ever (seen with a worker that stopped while its trainer asked Redis).
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        ended, running = await asyncio.wait(running, timeout=AGAIN_SECONDS)
        for task in ended:
            if not task.cancelled():
                task.exception()  # taken note of: asyncio complains otherwise
