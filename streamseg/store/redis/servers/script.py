"""Runs Lua scripts by their hash."""

import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

from redis.exceptions import NoPermissionError, NoScriptError

from streamseg.store.redis.servers.connection import Client, translated_errors
from streamseg.store.redis.servers.forbidden import commands_of

Argument = str | bytes | int


class Script:
    """A script of the folder `scripts`; its first comment states arguments and result."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = resources.files("streamseg.store.redis").joinpath("scripts", f"{name}.lua").read_text()
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Client, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run the script; send its text when the server does not know it. Raises `StoreUnavailableError`."""
        with translated_errors():
            try:
                return await self._run(redis, keys, arguments)
            except NoPermissionError as error:
                listed = ", ".join(commands_of(self.text))
                raise NoPermissionError(f"{error}: the script {self.name} calls {listed}") from None

    async def _run(self, redis: Client, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        try:
            return await redis.execute_command("EVALSHA", self.sha, len(keys), *keys, *arguments)
        except NoScriptError:  # the server did nothing
            return await redis.execute_command("EVAL", self.text, len(keys), *keys, *arguments)
