"""Open the files that a command was asked to write."""

from pathlib import Path
from typing import IO, Any

from streamseg.errors import SettingsError


def open_output(file: Path, mode: str, **options: Any) -> IO[Any]:
    """Open a file for writing, with the options of `open`. Raises `SettingsError` if that fails."""
    try:
        return file.open(mode, **options)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
