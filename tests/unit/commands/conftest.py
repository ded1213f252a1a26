"""A terminal of 80 columns, without settings in the environment."""

import os

import pytest

from tests.support.text_output import WIDTH


@pytest.fixture(name="terminal")
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for name in [name for name in os.environ if name.startswith("STREAMSEG_")]:
        monkeypatch.delenv(name)
