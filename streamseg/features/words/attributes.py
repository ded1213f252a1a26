"""Defines the profile attributes that rows keep."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from streamseg.errors import SettingsError
from streamseg.features.words.texts import LETTERS, parts_of

_SECOND: Final = " (second part)"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A profile attribute kept in rows: one of `values`, a text if `found` is given, or else a number.

    `typical` replaces a missing number in vectors; None leaves it missing (NaN), so that models take the mean of the
    known ones. `skewed` numbers are compared by their logarithm.
    """

    name: str
    values: tuple[str, ...] = ()
    typical: float | None = None
    skewed: bool = False
    group_as: str = ""
    """Name of what groups or bands make of it, such as `zone` or `generation`; empty for nothing."""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names, each with the values that belong to it. Vectors only: rows hold the value."""
    bands: tuple[tuple[str, float, float], ...] = ()
    """Names, each with the least and the greatest number that belong to it, in the same way."""
    found: int = 0
    """Number of hash groups in which vectors compare the values of a text that is not listed, such as a city."""
    first: int = LETTERS
    """Letters that are kept of a text."""
    spellings: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Values, each with other spellings of it."""
    countries: bool = False
    """Whether the values are codes of countries, and other names of a country are read as its code."""
    part: int = 0
    """A text of many letters takes two numbers, each with an `Attribute` of its own; which of them this is."""

    @property
    def trait(self) -> str:
        """Name of the attribute in profiles."""
        return self.name.removesuffix(_SECOND) if self.part else self.name


@lru_cache(maxsize=256)
def codes_of(attribute: Attribute) -> Mapping[str, float]:
    """Return the code of each listed value and of its other spellings, without case and outer spaces."""
    listed = {value.strip().casefold(): float(code) for code, value in enumerate(attribute.values)}
    others = {
        one.strip().casefold(): listed[value.strip().casefold()] for value, ones in attribute.spellings for one in ones
    }
    return others | listed


def in_parts(attributes: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """Return the attributes as rows keep them: a text of many letters twice, once for each of its numbers."""
    found: list[Attribute] = []
    for one in attributes:
        found.append(one)
        if one.found and parts_of(one.first) > 1:
            found.append(replace(one, name=one.name + _SECOND, part=1))
    return tuple(found)


def check_attributes(attributes: Sequence[Attribute]) -> None:
    """Raise `SettingsError` if two attributes, groups, or values of one attribute have the same feature name."""
    if len({slug(attribute.name) for attribute in attributes} - {""}) < len(attributes):
        raise SettingsError("setting features.attributes: two names give the same feature name, or one none")
    names = [name for attribute in attributes for name in (attribute.name, attribute.group_as) if name]
    if len({slug(name) for name in names}) < len(names):
        raise SettingsError("setting features.attributes: a group_as has the name of an attribute or of another one")
    for attribute in attributes:
        if len({slug(value) for value in attribute.values} - {""}) < len(attribute.values):
            raise SettingsError(
                f"setting features.attributes.{attribute.name}.values: two give the same feature name, or one none"
            )


def slug(text: str) -> str:
    """Return a name in the form used in feature names: lower case, words joined by `_`."""
    return re.sub(r"\W+", "_", text.casefold()).strip("_")
