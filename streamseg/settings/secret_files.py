"""Reads settings from a folder of files, one setting each, as Docker and Kubernetes mount secrets."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings, EnvSettingsSource

from streamseg.errors import SettingsError

FOLDER_VARIABLE: Final = "STREAMSEG_SECRETS_DIR"
"""Environment variable with the folder. Without it no files are read."""


class SecretFilesSource(EnvSettingsSource):
    """Settings from files whose names are those of environment variables, in any case: `STREAMSEG_REDIS__PASSWORD`."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._values


def read_secret_files(prefix: str) -> dict[str, str]:
    """Return the content of each file whose name begins with `prefix`, in any case, without the last line break.

    Other files in the folder are ignored. Raises `SettingsError` when the folder or a file cannot be read.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return {}
    try:
        files = [path for path in sorted(Path(folder).iterdir()) if path.name.upper().startswith(prefix)]
        return {path.name.upper(): path.read_text(encoding="utf-8").rstrip("\r\n") for path in files}
    except UnicodeDecodeError:
        raise SettingsError(f"environment variable {FOLDER_VARIABLE}: a file in {folder} is not UTF-8 text") from None
    except OSError as error:
        raise SettingsError(f"environment variable {FOLDER_VARIABLE}: {folder}: {error.strerror}") from None
