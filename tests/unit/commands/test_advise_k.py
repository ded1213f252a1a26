"""Advice on k is one line where no number of segments can be tried."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from streamseg.commands import streamseg
from streamseg.errors import StreamsegError
from streamseg.settings import BEHAVIOUR


def advised(monkeypatch: pytest.MonkeyPatch, values: Sequence[float]) -> Any:
    """Run the command on customers who have each value in all features."""
    vectors = np.repeat(np.array([values]).T, len(BEHAVIOUR.features), axis=1)

    async def live(*_: object) -> tuple[None, list[str], Any]:
        return None, [f"c-{number}" for number in range(len(values))], vectors

    monkeypatch.setattr("streamseg.wiring.build_service.live_vectors", live)
    return CliRunner().invoke(streamseg, ["advise-k"])


def test_few_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    result = advised(monkeypatch, range(23))
    assert isinstance(result.exception, StreamsegError)
    assert str(result.exception) == "23 customers are too few to try 12 segments: at least 24 are needed"


def test_customers_who_are_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    result = advised(monkeypatch, [1.0] * 40)
    assert isinstance(result.exception, StreamsegError)
    assert str(result.exception) == "40 customers are too alike to try even 2 segments"


def test_customers_who_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    result = advised(monkeypatch, [group + number / 20 for group in (0, 9) for number in range(20)])
    assert result.exception is None
    assert "Davies-Bouldin suggests 2" in " ".join(result.stdout.split())
