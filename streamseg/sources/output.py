"""Files that a person asked to be written."""

from pathlib import Path
from typing import IO, Any

from streamseg.errors import SettingsError


def writable(file: Path, mode: str, **how: Any) -> IO[Any]:
    """Open a file that a person named for writing; `SettingsError` where that can't be."""
    try:
        return file.open(mode, **how)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
