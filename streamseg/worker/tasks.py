"""Ending tasks for certain."""

import asyncio
from collections.abc import Coroutine
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


async def within(seconds: float, doing: Coroutine[Any, Any, Any]) -> None:
    """Let it go on for so long at most, whatever it ends with.

    `asyncio.wait_for` waits for what it has cancelled, and what hangs on a broker that is away takes its time.
    """
    task = asyncio.ensure_future(doing)
    await asyncio.wait((task,), timeout=seconds)
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.exception()
