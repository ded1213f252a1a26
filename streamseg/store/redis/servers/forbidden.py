"""Names what a Redis ACL forbids: its own answers name neither the keys nor, in a script, the command."""

import re
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from streamseg.store.key_names import PREFIX

IN_A_SCRIPT: Final = "The user executing the script"
"""How Redis 7.0 and older begin their answer; later ones begin it as for commands outside of scripts."""


class _NamesWhatIsForbidden:
    """Adds command and kinds of keys to the error, and never a customer id."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*args, **options)  # type: ignore[misc]  # of the client beside us
        except ResponseError as error:
            if isinstance(error, NoPermissionError) or str(error).startswith(IN_A_SCRIPT):
                raise NoPermissionError(f"{str(error).partition(' script: ')[0]} ({called(args)})") from None
            raise


class RedisClient(_NamesWhatIsForbidden, Redis):  # type: ignore[misc]  # redis-py's bases disagree about a command
    """A client of one server."""


def called(args: tuple[Any, ...]) -> str:
    """Return the command with the kinds of its keys: `MGET ssg:v1:m:*`."""
    kinds = dict.fromkeys(kind(name) for name in args[1:] if isinstance(name, str) and name.startswith(PREFIX))
    return " ".join((str(args[0]), *kinds))


def kind(name: str) -> str:
    """Return the kind of a key: `ssg:v1:m:c-81` is one of `ssg:v1:m:*`."""
    head = re.match(rf"{re.escape(PREFIX)}[^:]+:", name)
    return name if head is None else f"{head[0]}*"


def commands_of(script: str) -> tuple[str, ...]:
    """Return the commands that a script calls, in alphabetical order."""
    return tuple(sorted(set(re.findall(r"redis\.call\('(\w+)'", script))))
