"""Says who the members of a segment are, from their profiles."""

from collections.abc import Iterable, Mapping
from typing import Final

from streamseg.clustering.description.apart import told_by_value
from streamseg.clustering.description.bounds import MOST
from streamseg.clustering.description.difference import NOTICEABLE, FeatureDifference, Figures
from streamseg.clustering.description.message import Message, message
from streamseg.clustering.description.words import grouped_numbers, is_grouped
from streamseg.features.catalogue import YES_OR_NO, Feature

CLEARLY_MORE: Final = 0.1
"""A value that members have more often than others by less is not said of every segment: nine in ten are British."""


def who(figures: Figures, known: Mapping[str, Feature]) -> Iterable[Message]:
    """Say who the members are: what most are and more than the others, and in what numbers they differ."""
    mostly: dict[str, FeatureDifference] = {}
    grouped, told = grouped_numbers(known), told_by_value(figures, known, MOST)
    for one in figures.values():
        feature = known[one.feature]
        if not feature.attribute or one.known < MOST or one.feature in grouped:
            continue
        if feature.value:
            if is_grouped(feature) and feature.attribute in told:
                continue
            if one.mean >= MOST and one.effect >= NOTICEABLE and one.mean - one.others_mean >= CLEARLY_MORE:
                mostly[feature.subject] = one
        elif abs(one.effect) >= NOTICEABLE:
            yield _number(one, feature)
    for subject, one in mostly.items():
        value = {"value": known[one.feature].value, "of": subject}
        yield message("attribute_value", name={"attribute": subject}, value=value, share={"share": one.mean})


def _number(one: FeatureDifference, feature: Feature) -> Message:
    name = {"attribute": feature.attribute}
    if one.unit == YES_OR_NO:
        return message("attribute_share", name=name, share={"share": one.mean})
    if one.feature == "profile_age":
        return message("age", years={"number": [one.low, one.high]})
    if one.high <= 0:
        return message("attribute_none", name=name)
    return message("attribute", name=name, number={"number": [one.low, one.high]})
