"""Gives freed memory back to the system: glibc keeps what a backlog took, for hours without one."""

import asyncio
import ctypes
from typing import Final

GIVE_BACK_SECONDS: Final = 10.0
"""Between two times. One takes 1 to 5 ms of a thread after a backlog, 0.3 ms without (once, 2026-11-30)."""


async def give_back_often() -> None:
    """Give freed memory back, for ever. The pages are freed in a thread, without the interpreter's lock."""
    while True:
        await asyncio.sleep(GIVE_BACK_SECONDS)
        await asyncio.to_thread(give_back)


def give_back() -> None:
    """Return free pages to the system (malloc_trim(3) of glibc). Does nothing with another C library."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
