"""Load the settings from all their sources, and explain a wrong one in one line."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as PydanticSettingsError

from streamseg.audiences.segment_files import read_segment_rules
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.errors import SettingsError
from streamseg.nearest_names import nearest
from streamseg.packs import pack
from streamseg.settings import audience_tables, process_tables, segment_tables, server_tables
from streamseg.settings.secret_files import FOLDER_VARIABLE, SecretFilesSource, read_secret_files
from streamseg.wrong_values import first_error

PREFIX: Final = "STREAMSEG_"


class Settings(BaseSettings):
    """All settings of a process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, toml_file="streamseg.toml"
    )

    clock: Literal["wall", "event"] = "wall"
    """`wall` in production. `event` for replays, simulations and the demo: the current time is then the latest event
    time of the partition."""
    kafka: server_tables.KafkaSettings = server_tables.KafkaSettings()
    redis: server_tables.RedisSettings = server_tables.RedisSettings()
    money: segment_tables.MoneySettings = segment_tables.MoneySettings()
    features: segment_tables.FeatureSettings = segment_tables.FeatureSettings()
    segmentations: dict[segment_tables.Name, segment_tables.SegmentationSettings] = Field(
        default_factory=lambda: {"behaviour": segment_tables.BEHAVIOUR}
    )
    audiences: audience_tables.AudienceSettings = audience_tables.AudienceSettings()
    descriptions: segment_tables.DescriptionSettings = segment_tables.DescriptionSettings()
    membership: segment_tables.MembershipSettings = segment_tables.MembershipSettings()
    worker: process_tables.WorkerSettings = process_tables.WorkerSettings()
    api: process_tables.ApiSettings = process_tables.ApiSettings()
    console: process_tables.ConsoleSettings = process_tables.ConsoleSettings()

    @model_validator(mode="after")
    def _check_rolling_profile(self) -> "Settings":
        if self.kafka.membership_profile == "rolling" and not self.kafka.instance_id:
            raise ValueError("kafka.membership_profile = rolling needs kafka.instance_id")
        return self

    @property
    def attributes(self) -> dict[str, segment_tables.AttributeSettings]:
        """Profile attributes that rows keep, by trait: those of the packs, overridden by `features.attributes`.

        What two packs say of one trait is put together.
        """
        said: dict[str, dict[str, object]] = {}
        for one in self.segmentations.values():
            for trait, declared in (pack(one.pack).attributes if one.pack is not None else {}).items():
                said[trait] = said.get(trait, {}) | declared
        from_packs = {
            trait: segment_tables.AttributeSettings.model_validate(declared) for trait, declared in said.items()
        }
        return from_packs | self.features.attributes

    @property
    def brand_groups(self) -> int:
        """Number of hash groups for brands: `features.brand_groups`, or else the most that a chosen pack asks for."""
        if self.features.brand_groups is not None:
            return self.features.brand_groups
        asked = (pack(one.pack).features for one in self.segmentations.values() if one.pack is not None)
        return max((int(features.get("brand_groups", 0)) for features in asked), default=0)

    @property
    def category_groups(self) -> int:
        """Number of hash groups for categories: the setting, or else the most that a chosen pack asks for.

        Listed categories need none.
        """
        if self.features.category_groups is not None:
            return self.features.category_groups
        asked = (pack(one.pack).features for one in self.segmentations.values() if one.pack is not None)
        return 0 if self.features.categories else max((int(one.get("category_groups", 0)) for one in asked), default=0)

    @property
    def counted(self) -> tuple[str, ...]:
        """What else of clicks is counted: `features.counted`, or else all that the chosen packs ask for."""
        if self.features.counted is not None:
            return self.features.counted
        asked = (pack(one.pack).features for one in self.segmentations.values() if one.pack is not None)
        return tuple(dict.fromkeys(kind for features in asked for kind in features.get("counted", ())))

    @property
    def search_groups(self) -> dict[str, tuple[str, ...]]:
        """Words of search terms by group: `features.search_groups`, or else those of the chosen packs."""
        if self.features.search_groups is not None:
            return self.features.search_groups
        asked = (pack(one.pack).features for one in self.segmentations.values() if one.pack is not None)
        return {name: tuple(words) for features in asked for name, words in features.get("search_groups", {}).items()}

    @property
    def learned(self) -> tuple[str, ...]:
        """The segmentations that are not declared: a model is learned of each."""
        return tuple(name for name, one in self.segmentations.items() if one.rules is None)

    @property
    def declared(self) -> dict[str, SegmentRules]:
        """The declared segmentations, by name. Raises `SettingsError` with a line for each thing that is wrong."""
        files = {name: one.rules for name, one in self.segmentations.items() if one.rules is not None}
        return {name: read_segment_rules(name, file) for name, file in files.items()}

    @property
    def tracked(self) -> dict[str, int]:
        """How many of the latest times rows keep, by event: the most that `audiences.tracked` or rules ask for."""
        most = dict(self.audiences.tracked)
        for one in self.declared.values():
            for event, times in one.tracked.items():
                most[event] = max(times, most.get(event, 0))
        return most

    @property
    def spent_days(self) -> int:
        """Days of which rows keep the amount spent: the most that `audiences.spent_days` or rules ask for."""
        return max([self.audiences.spent_days, *(one.spent_days for one in self.declared.values())])

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  it cannot set one value of a table
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by precedence. `.env` files are not read."""
        secrets = SecretFilesSource(settings_cls, read_secret_files(PREFIX))
        return init_settings, env_settings, secrets, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None = None, **given: object) -> Settings:
    """Load the settings of this process.

    Args:
        file: settings file; None: `streamseg.toml` in the working directory, if there is one.
        given: settings from the command line, by name of the table or setting.

    Raises:
        SettingsError: a setting is wrong; one line that names the first such setting and the reason.
    """
    if file is not None and not file.is_file():
        raise SettingsError(f"settings file {file} does not exist")
    _check_names("environment variable", os.environ)
    _check_names("secrets file", read_secret_files(PREFIX))
    chosen: type[Settings] = Settings
    if file is not None:
        chosen = type("Settings", (Settings,), {"model_config": {**Settings.model_config, "toml_file": file}})
    try:
        return chosen(**given)  # type: ignore[arg-type]  # pydantic checks names and values
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    except PydanticSettingsError as error:  # an environment variable or a secrets file for a list or a table
        table = str(error).split('"')[1].upper()
        raise SettingsError(f"{PREFIX}{table}...: a list or a table must be JSON") from None
    except ValueError as error:
        raise SettingsError(f"settings file: {error}") from None


def _check_names(source: str, names: Iterable[str]) -> None:
    """Refuse unknown names with our prefix: pydantic ignores those outside the known tables."""
    for name in names:
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_") and name != FOLDER_VARIABLE:
            known = name.removeprefix(PREFIX).partition("__")[0].lower()
            if known not in Settings.model_fields:
                meant = nearest(known, Settings.model_fields)
                hint = f"; did you mean {PREFIX}{meant.upper()}...?" if meant is not None else ""
                raise SettingsError(f"{source} {name} is not a setting{hint}")


def _explain(error: ValidationError) -> str:
    path, message, unknown = first_error(error)
    *parents, name = path or ("settings",)
    where = ".".join([*parents, name])
    if not unknown:
        return f"setting {where}: {message}"
    table: type[BaseModel] | None = Settings
    for part in parents:
        found = table.model_fields.get(part) if table is not None else None
        table = found.annotation if found is not None and isinstance(found.annotation, type) else None
    meant = nearest(name, table.model_fields) if table is not None else None
    hint = f"; did you mean {'.'.join([*parents, meant])}?" if meant is not None else ""
    return f"setting {where}: unknown setting{hint}"
