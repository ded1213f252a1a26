"""Lua scripts, run by their hash."""

import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

from redis.exceptions import NoScriptError

from streamseg.store.redis.connection import Client, answering

Argument = str | bytes | int


class Script:
    """A script from the folder `scripts`; its head says what it takes and returns."""

    def __init__(self, name: str) -> None:
        self.text = resources.files("streamseg.store.redis").joinpath("scripts", f"{name}.lua").read_text()
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Client, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run it; a server that has forgotten it is given the text again. Raises `StoreUnavailableError`."""
        with answering():
            try:
                return await redis.execute_command("EVALSHA", self.sha, len(keys), *keys, *arguments)
            except NoScriptError:  # nothing was done
                return await redis.execute_command("EVAL", self.text, len(keys), *keys, *arguments)
