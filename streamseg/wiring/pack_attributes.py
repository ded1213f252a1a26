"""Profile attributes of packs, and what takes the place of their features where a shop declares one in another way."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from streamseg.features.catalogue import Feature
from streamseg.features.layout import Attribute
from streamseg.features.words.profile_features import of_profile
from streamseg.packs import pack
from streamseg.settings import AttributeSettings


def attributes_of(declared: Mapping[str, AttributeSettings]) -> list[Attribute]:
    """Return the attributes that settings declare, as layouts take them."""
    return [
        Attribute(
            trait,
            one.values,
            one.typical,
            one.skewed,
            one.group_as,
            tuple(one.groups.items()),
            tuple((name, least, greatest) for name, (least, greatest) in one.bands.items()),
            one.found,
            one.first,
            tuple(one.spellings.items()),
            one.countries,
        )
        for trait, one in declared.items()
    ]


def of_replaced(
    pattern: str, pack_name: str | None, known: Mapping[str, Feature], own: Mapping[str, AttributeSettings]
) -> list[str]:
    """Return the features of the shop's attribute in place of a pack's pattern, which matches none of them.

    `profile_age` stands for the values of `age` where the shop sends it in bands, `profile_climate_zone_*` for the
    zones of culture that its `country` is grouped into. A number with bands is compared by its bands.

    Args:
        pattern: of the pack's features; for any other the answer is empty.
        pack_name: the pack; None for none.
        known: all features by name.
        own: the attributes that the shop declares, by trait.
    """
    if pack_name is None or pattern not in pack(pack_name).segmentation["features"]:
        return []
    brought = {trait: AttributeSettings.model_validate(one) for trait, one in pack(pack_name).attributes.items()}
    for attribute in attributes_of({trait: one for trait, one in brought.items() if trait in own}):
        if any(fnmatchcase(feature.name, pattern) for feature in of_profile(0, attribute)):
            found = [feature for feature in known.values() if feature.attribute == attribute.name]
            valued = [feature.name for feature in found if feature.value]
            return valued or [feature.name for feature in found]
    return []
