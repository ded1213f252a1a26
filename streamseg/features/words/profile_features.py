"""The features of profile attributes: numbers, and 0 or 1 for each value, group or band."""

from dataclasses import replace

from streamseg.features.feature import AS_SENT, YES_OR_NO, Feature
from streamseg.features.formulas import (
    Formula,
    attribute_among,
    attribute_number,
    attribute_within,
    text_begins,
    text_in_group,
)
from streamseg.features.words.attributes import Attribute, slug
from streamseg.features.words.texts import parts_of


def of_profile(index: int, attribute: Attribute) -> tuple[Feature, ...]:
    """Return the features of an attribute at an index of the rows' attributes; none for a second part."""
    if attribute.part:
        return ()
    return (*_of_attribute(index, attribute), *_of_groups(index, attribute))


def _of_attribute(index: int, attribute: Attribute) -> tuple[Feature, ...]:
    stem = f"profile_{slug(attribute.name)}"
    if attribute.found:
        parts = parts_of(attribute.first)
        return tuple(
            replace(
                _yes_or_no(
                    stem,
                    f"in group {group + 1} of {attribute.found}",
                    f"{attribute.name} falls into hash group {group + 1} of {attribute.found}",
                    attribute,
                    text_in_group(index, parts, attribute.found, group),
                ),
                hashed=True,
            )
            for group in range(attribute.found)
        )
    if not attribute.values:
        assumed = "the mean of all" if attribute.typical is None else f"{attribute.typical:g}"
        meaning = f"{attribute.name}; {assumed} if unknown"
        formula = attribute_number(index, attribute.typical)
        return (Feature(stem, AS_SENT, meaning, attribute.skewed, formula, attribute.name),)
    return tuple(
        _yes_or_no(stem, value, f"{attribute.name} is {value}", attribute, attribute_among(index, [code]))
        for code, value in enumerate(attribute.values)
    )


def _of_groups(index: int, attribute: Attribute) -> tuple[Feature, ...]:
    stem, codes = f"profile_{slug(attribute.group_as)}", {value: code for code, value in enumerate(attribute.values)}
    return (
        *(
            _yes_or_no(
                stem,
                name,
                f"{attribute.name} {'begins with' if attribute.found else 'is'} one of {', '.join(values)}",
                attribute,
                text_begins(index, parts_of(attribute.first), values)
                if attribute.found
                else attribute_among(index, [codes[value] for value in values]),
            )
            for name, values in attribute.groups
        ),
        *(
            _yes_or_no(
                stem,
                name,
                f"{attribute.name} is from {least:g} to {greatest:g}",
                attribute,
                attribute_within(index, least, greatest),
            )
            for name, least, greatest in attribute.bands
        ),
    )


def _yes_or_no(stem: str, value: str, meaning: str, attribute: Attribute, formula: Formula) -> Feature:
    return Feature(f"{stem}_{slug(value)}", YES_OR_NO, meaning, False, formula, attribute.name, stem, value)
