"""Ends tasks for certain."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

CANCEL_AGAIN_SECONDS: Final = 0.2


async def end(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel the tasks until they are done; ignore their results and errors.

    One cancellation is not enough: a library's own timeout may swallow it, and the caller would wait for ever (seen
    with a worker that stopped while its trainer was waiting for Redis).
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        ended, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
        for task in ended:
            if not task.cancelled():
                task.exception()  # asyncio warns about exceptions that nobody has read


async def within(seconds: float, coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run for at most `seconds`; ignore result and errors.

    `asyncio.wait_for` would wait for the cancelled task, which may hang on a broker that is away.
    """
    task = asyncio.ensure_future(coroutine)
    await asyncio.wait((task,), timeout=seconds)
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.exception()
