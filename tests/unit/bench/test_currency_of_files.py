"""Issue 13, item 14: `bench clustering` takes the currency from all events, and does not guess among several."""

import json
from pathlib import Path

import pytest

from streamseg.commands.bench._event_files import recorded_stream
from streamseg.errors import SettingsError
from streamseg.settings import Settings


def file_of(folder: Path, *currencies: str) -> Path:
    file = folder / "events.jsonl"
    common = {"kind": "purchase", "customer_id": "c", "occurred_at": "2026-10-01T00:00:00Z", "value": 1}
    lines = [
        common | {"event_id": str(number), "transaction_id": str(number), "currency": currency}
        for number, currency in enumerate(currencies)
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_the_only_currency_of_the_files_is_taken(tmp_path: Path) -> None:
    _, settings = recorded_stream((file_of(tmp_path, *["SEK"] * 3),), (), None, Settings())
    assert settings.money.currency == "SEK"


def test_several_currencies_without_a_rate_are_refused_however_late_they_come(tmp_path: Path) -> None:
    file = file_of(tmp_path, *[Settings().money.currency] * 2_500, "SEK")
    with pytest.raises(SettingsError, match=r"SEK has no rate: set money\.currency and money\.rates"):
        recorded_stream((file,), (), None, Settings())
