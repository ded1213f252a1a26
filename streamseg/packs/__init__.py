"""Shipped segmentations, as data: one TOML file per pack beside this module, chosen in settings by name.

A pack has a line about itself, a segmentation as `[segmentations.NAME]` of the settings would declare it, the profile
attributes that it goes by, as `[features.attributes.NAME]` would, and what else rows must keep for it, as `[features]`
would::

    about = "who customers are"

    [segmentation]
    features = ["profile_age", "profile_gender_*"]
    k = 5

    [attributes.age]
    typical = 40

    [features]
    brand_groups = 8
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from streamseg.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Pack:
    """One shipped segmentation, not validated yet: the settings do that where it is chosen."""

    name: str
    about: str
    segmentation: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)


@cache
def names() -> tuple[str, ...]:
    """The packs there are, in order of the alphabet."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in files(__name__).iterdir() if _is_pack(file.name)))


@cache
def pack(name: str) -> Pack:
    """The pack of that name. Raises `SettingsError`."""
    if name not in names():
        raise SettingsError(f"no pack {name}; there are {', '.join(names())}")
    read = tomllib.loads((files(__name__) / f"{name}.toml").read_text("utf-8"))
    return Pack(name, read["about"], read["segmentation"], read.get("attributes", {}), read.get("features", {}))


def _is_pack(file: str) -> bool:
    return file.endswith(".toml")
