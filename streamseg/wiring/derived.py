"""What follows from the settings: derived once for each command, then handed on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from streamseg.audiences.definition import Audience
from streamseg.audiences.meaning import meanings
from streamseg.audiences.segment_files import raise_problems
from streamseg.audiences.segment_rules import SegmentRules, named_by
from streamseg.audiences.written.leaves import KnownRule
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.population import Population
from streamseg.errors import NotFoundError, SettingsError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.catalogue import Feature, catalogue
from streamseg.features.layout import Layout
from streamseg.language import DEFAULT
from streamseg.membership.types import Consent
from streamseg.packs import pack
from streamseg.pipeline import PublishingRules, Segmentation
from streamseg.settings import AttributeSettings, SegmentationSettings, Settings
from streamseg.wiring.declared_audiences import vocabulary
from streamseg.wiring.pack_attributes import attributes_of, of_replaced

SWEEPS_PER_BOUND = 4
"""A membership is rewritten when half of its bound has passed, so sweeps must come more than twice within it."""
CATEGORIES = "category_*"
"""Pattern of the shares of item categories."""


@dataclass(frozen=True, slots=True)
class Derived:
    """The settings as the parts of the system use them."""

    money: Money
    """The currency of all amounts."""
    decoder: Decoder
    """Turns records into events."""
    layout: Layout
    """Of the rows."""
    features: Mapping[str, Feature]
    """Every feature of the layout, by name."""
    segmentations: tuple[Segmentation, ...]
    """Without models yet, in the order of the settings."""
    learner_params: tuple[LearnerParams, ...]
    """How each segmentation is learned that is, in the same order."""
    declared: Mapping[str, SegmentRules]
    """The declared segmentations, whose rules were checked but for the audiences that they ask of."""
    publishing: PublishingRules
    sweep_interval: float
    """Between two sweeps, seconds of a partition's clock."""

    @property
    def populations(self) -> dict[str, Population]:
        """Who belongs, by segmentation, where that is not everybody."""
        return {one.name: one.population for one in self.segmentations if one.population is not None}

    def segmentation(self, name: str) -> Segmentation:
        """Return the segmentation of that name. Raises `NotFoundError`."""
        for one in self.segmentations:
            if one.name == name:
                return one
        there = ", ".join(one.name for one in self.segmentations)
        raise NotFoundError(f"there is no segmentation {name}; there are {there}")

    def features_of(self, name: str) -> list[Feature]:
        """Return the features that the segmentation of that name compares.

        Raises `NotFoundError`, and `SettingsError` for a declared one.
        """
        if name in self.declared:
            raise SettingsError(f"{name} has rules: no segments of it are learned")
        return [self.features[feature] for feature in self.segmentation(name).features]


def derive(settings: Settings) -> Derived:
    """Derive everything, and check what one table of settings cannot know of another. Raises `SettingsError`."""
    money = Money(settings.money.currency, settings.money.minor_units, dict(settings.money.rates))
    layout = _layout(settings)
    features, declared, own = catalogue(layout), settings.declared, settings.features.attributes
    if declared:
        _check_rules(settings, declared, layout)
    chosen = {name: _matched_features(name, one, features, own) for name, one in settings.segmentations.items()}
    membership = settings.membership
    return Derived(
        money=money,
        decoder=Decoder(money, settings.worker.future_limit_seconds),
        layout=layout,
        features=features,
        segmentations=tuple(
            _segmentation(name, one, chosen[name], layout, _population(name, one, features))
            for name, one in settings.segmentations.items()
        ),
        learner_params=tuple(
            _learner_params(name, one, chosen[name], list(features))
            for name, one in settings.segmentations.items()
            if name not in declared
        ),
        declared=declared,
        publishing=PublishingRules(
            membership.bound_seconds,
            membership.ttl_seconds,
            Consent(
                membership.unknown_ads_consent,
                membership.unknown_personalisation_consent,
                membership.unknown_analytics_consent,
            ),
        ),
        sweep_interval=membership.bound_seconds / SWEEPS_PER_BOUND,
    )


def missing_basis(settings: Settings) -> str | None:
    """Return a line about the first segmentation that lacks what it is made for; None if there is none.

    It can be learned all the same, from the rest of its features.
    """
    if settings.features.categories or settings.category_groups:
        return None
    for name, one in settings.segmentations.items():
        if CATEGORIES in one.features:
            pack = f" of pack {one.pack}" if one.pack is not None else ""
            return f"setting features.categories: is empty, but segmentation {name}{pack} compares item categories"
    return None


def needs(settings: Settings, language: str = DEFAULT) -> dict[str, str]:
    """Return what each segmentation of a pack lives on, by name: it waits while nothing of that is told."""
    packs = {name: pack(one.pack).needs for name, one in settings.segmentations.items() if one.pack is not None}
    return {name: told.get(language, told[DEFAULT]) for name, told in packs.items()}


def _layout(settings: Settings) -> Layout:
    features = settings.features
    return Layout.of(
        half_life_days=features.half_life_days,
        recent_half_life_days=features.recent_half_life_days,
        categories=features.categories,
        time_zone=features.time_zone,
        remembered_event_ids=features.remembered_event_ids,
        currency=settings.money.currency,
        minor_units=settings.money.minor_units,
        segmentations=tuple(settings.segmentations),
        attributes=attributes_of(settings.attributes),
        typical_price=settings.money.typical_price,
        typical_order=settings.money.typical_order,
        brand_groups=settings.brand_groups,
        category_groups=settings.category_groups,
        counted=settings.counted,
        search_groups=settings.search_groups,
        tracked=settings.tracked,
        spent_days=settings.spent_days,
        audiences=settings.audiences.most,
        identifiers=settings.audiences.identifiers,
        phone_country_code=settings.audiences.phone_country_code.removeprefix("+"),
    )


def _check_rules(settings: Settings, declared: Mapping[str, SegmentRules], layout: Layout) -> None:
    """Raise `SettingsError` with a line for each thing that is wrong with the rules of declared segmentations."""
    if not settings.audiences.most:
        raise SettingsError(
            f"setting audiences.most: must be at least 1, as rows keep with it when a rule of {min(declared)} ends"
        )
    # Audiences and lists come while workers run; what asks of one is checked again with them.
    named = named_by(declared.values())
    anybody = KnownRule(known="events")
    known = vocabulary(layout, dict.fromkeys(named.lists, frozenset[str]()), declared)
    audiences = named.audiences | {one for one in named.seeds if not known.is_segment(one)}
    stand_ins = [Audience(id=one, name=one, purpose="analytics", rule=anybody) for one in sorted(audiences)]
    problems = meanings(stand_ins, known, declared).problems
    for name in dict.fromkeys(one.segmentation for one in problems):
        file = settings.segmentations[name].rules
        raise_problems(name, file or Path(), [one for one in problems if one.segmentation == name])


def _matched_features(
    name: str, one: SegmentationSettings, known: Mapping[str, Feature], own: Mapping[str, AttributeSettings]
) -> list[Feature]:
    """Return the features that the setting's names and patterns match. Raises `SettingsError`.

    Where the shop declares an attribute of the pack in another way, its features take the place of the pack's.
    """
    matched: dict[str, Feature] = {}
    for pattern in one.features:
        found = [feature for feature in known if fnmatchcase(feature, pattern)]
        found = found or of_replaced(pattern, one.pack, known, own)
        if not found:
            raise SettingsError(f"setting segmentations.{name}.features: no such feature: {pattern}")
        matched |= {feature: known[feature] for feature in found}
    return list(matched.values())


def _population(name: str, one: SegmentationSettings, known: Mapping[str, Feature]) -> Population | None:
    """Return the rule of who belongs; None for everybody. Raises `SettingsError`."""
    if not one.population:
        return None
    population = Population.parse(one.population)
    try:
        population.check(known)
    except SettingsError as error:
        raise SettingsError(f"setting segmentations.{name}.population: {error}") from None
    return population


def _segmentation(
    name: str, one: SegmentationSettings, features: list[Feature], layout: Layout, population: Population | None
) -> Segmentation:
    traits = [attribute.name for attribute in layout.attributes]
    used = dict.fromkeys(feature.attribute for feature in features)
    return Segmentation(
        name,
        tuple(feature.name for feature in features),
        one.margin,
        one.looks,
        one.learn_interval_seconds,
        look_interval_seconds=60.0 * one.look_interval_minutes,
        public_from=math.inf if one.shadow else 0.0,
        population=population,
        declared=one.rules is not None,
        attributes=() if "" in used or not used else tuple(map(traits.index, used)),
    )


def _learner_params(name: str, one: SegmentationSettings, features: list[Feature], every: list[str]) -> LearnerParams:
    return LearnerParams(
        segmentation=name,
        features=tuple(feature.name for feature in features),
        skewed=tuple(feature.skewed for feature in features),
        blocks=tuple(feature.block for feature in features),
        floors=tuple(feature.least_variance for feature in features),
        observed_places=tuple(every.index(feature.name) for feature in features),
        k=one.k,
        clusterer=one.clusterer,
        step=one.step,
        challenge_interval=one.challenge_interval_seconds,
        warm_up_per_cluster=one.warm_up_per_cluster,
        warm_up_events=one.warm_up_events,
    )
