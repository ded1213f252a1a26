"""Loads packs: segmentations shipped as data, one TOML file each in this folder, chosen by name in the settings.

A pack has a description (`about`), what it lives on (`needs`), a segmentation (as in `[segmentations.NAME]` of the
settings), the profile attributes that it uses (as in `[features.attributes.NAME]`), and other settings of `[features]`
that it needs::

    about = "who customers are"
    needs.en = "profiles with age or gender"

    [segmentation]
    features = ["profile_age", "profile_gender_*"]
    k = 5

    [attributes.age]
    skewed = false

    [features]
    brand_groups = 8

A pack of a declared segmentation has `[[segment]]` tables with rules instead: it is a file as a shop writes its own
(`audiences/segment_rules.py`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from streamseg.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Pack:
    """A shipped segmentation, not validated yet: the settings validate it where it is chosen."""

    name: str
    about: str
    needs: Mapping[str, str]
    """The data of which some must be told, to follow "it needs", by language."""
    segmentation: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    rules: Path | None = None
    """The file of a declared segmentation."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of all packs, sorted."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in files(__name__).iterdir() if _is_pack(file.name)))


@cache
def pack(name: str) -> Pack:
    """Return the pack with this name. Raises `SettingsError` if there is none."""
    if name not in names():
        raise SettingsError(f"no pack {name}: choose one of {', '.join(names())}")
    file = files(__name__) / f"{name}.toml"
    read = tomllib.loads(file.read_text("utf-8"))
    if "segment" in read:
        rules = Path(str(file))
        return Pack(name, read["about"], {"en": read["needs"]}, {"rules": rules}, rules=rules)
    return Pack(
        name,
        read["about"],
        read["needs"],
        read["segmentation"],
        read.get("attributes", {}),
        read.get("features", {}),
    )


def _is_pack(file: str) -> bool:
    return file.endswith(".toml")
