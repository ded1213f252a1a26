"""Issue 13, item 26: `streamseg settings` and `streamseg features` list every name with meaning, unit and default."""

import json

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from streamseg.commands import streamseg
from streamseg.settings import load_settings
from streamseg.settings.listing import listed_settings, name_in_environment
from streamseg.wiring.derived import derive

LISTED = {one.name: one for one in listed_settings()}


def leaves(table: BaseModel, path: str = "") -> dict[str, object]:
    """Return the values of the default settings by path, with NAME for a chosen name."""
    found: dict[str, object] = {}
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            found |= leaves(value, f"{path}{name}.")
        elif isinstance(value, dict) and any(isinstance(each, BaseModel) for each in value.values()):
            found |= leaves(next(iter(value.values())), f"{path}{name}.NAME.")
        else:
            found[path + name] = value
    return found


def test_every_setting_is_listed() -> None:
    assert leaves(load_settings()).keys() - LISTED.keys() == {"features.attributes"}, "a table of tables, empty"
    assert {name for name in LISTED if name.startswith("features.attributes.NAME.")}


@pytest.mark.parametrize("name", LISTED)
def test_every_setting_has_a_meaning_that_is_a_sentence_and_a_unit(name: str) -> None:
    assert LISTED[name].meaning[:1].isupper() or LISTED[name].meaning[:1] == "`"
    assert LISTED[name].meaning.endswith((".", ")"))
    assert LISTED[name].unit


def test_defaults_are_those_of_the_tables() -> None:
    values = leaves(load_settings())
    for name, one in LISTED.items():
        if not name.startswith(("features.attributes.", "segmentations.NAME.")):
            value = values[name]
            assert one.default == (list(value) if isinstance(value, tuple) else value), name
    assert LISTED["segmentations.NAME.k"].default == 6
    assert LISTED["segmentations.NAME.k"].unit == "count"


def test_units_are_in_words() -> None:
    units = {name: one.unit for name, one in LISTED.items()}
    assert units["membership.ttl_seconds"] == "seconds"
    assert units["features.half_life_days"] == "days"
    assert units["api.body_limit_bytes"] == "bytes"
    assert units["worker.metrics_port"] == "port"
    assert units["worker.rejected_share_limit"] == "share, 0-1"
    assert units["clock"] == "wall | event"
    assert units["kafka.sasl_password"] == "secret"
    assert units["money.rates"] == "table"
    assert units["segmentations.NAME.shadow"] == "true | false"


def test_the_name_in_the_environment_sets_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name_in_environment("worker.rows_in_memory"), "1234")
    assert load_settings().worker.rows_in_memory == 1234


def test_settings_are_listed_as_json_and_filtered() -> None:
    result = CliRunner().invoke(streamseg, ["settings", "half_life", "--json"])
    assert [one["name"] for one in json.loads(result.stdout)["settings"]] == [
        "features.half_life_days",
        "features.recent_half_life_days",
    ]


def test_every_feature_is_listed_with_its_default_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_FEATURES__CATEGORIES", '["shoes"]')
    monkeypatch.setenv("STREAMSEG_MONEY__CURRENCY", "CHF")
    result = CliRunner().invoke(streamseg, ["features", "--json"])
    listed = {one["name"]: one for one in json.loads(result.stdout)["features"]}
    assert list(listed) == list(derive(load_settings()).features)
    assert all(one["meaning"] and one["unit"] for one in listed.values())
    assert listed["purchase_recency"]["default"] == 365
    assert listed["order_value"]["default"] == pytest.approx(60)
    assert listed["category_shoes"]["default"] == pytest.approx(0.5)
    assert [listed[name]["unit"] for name in ("spend", "recent_spend", "recent_clicks")] == ["CHF", "CHF", "events"]
    assert "behaviour" in listed["spend"]["used_by"]
