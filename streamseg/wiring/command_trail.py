"""The trail of changes that people make on the command line, in the audit log of the store."""

import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamseg.service.audit_trail import COMMAND_ROLE, Author, Trail
from streamseg.settings import Settings
from streamseg.wiring.stores import audit_log


@asynccontextmanager
async def command_trail(settings: Settings) -> AsyncIterator[Trail]:
    """Open the trail of who runs the command, by the login of the machine."""
    async with audit_log(settings) as log:
        yield Trail(log, command_author())


def command_author() -> Author:
    """Return who runs the command."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # in a container whose user has no name
        login = f"user {os.getuid()}"
    return Author(login, "", COMMAND_ROLE)
