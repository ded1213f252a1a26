"""Tell how well look-alikes find what they look for, and what they wait for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamseg.audiences.predicates import Alike, Belongs
from streamseg.clustering.likeness.models import LookalikeOf
from streamseg.features.catalogue import Feature
from streamseg.pipeline import LiveAudiences


@dataclass(frozen=True, slots=True)
class CarryingFeature:
    """A feature that tells the seed from others, with the mean of both."""

    feature: str
    meaning: str
    part: float
    """Its part in what tells them apart, 0-1."""
    seed: float
    others: float


@dataclass(frozen=True, slots=True)
class LookalikeReport:
    """How well a look-alike finds members of its seed of whom nothing was learned."""

    seed: str
    by: str
    sampled: int
    """Members of the seed whose samples are there."""
    needed: int
    """So many does it take; until then likeness is unknown."""
    learned: bool
    held_out: int = 0
    """Members that nothing was learned of."""
    others: int = 0
    """Customers outside of the seed, estimated."""
    size: int = 0
    """Customers outside of the seed that the rule takes, estimated."""
    likeness: float = 0.0
    """Of the least alike of them."""
    recall: float = 0.0
    """Share of the held-out members that are as much alike, 0-1."""
    recall_random: float = 0.0
    """The same of as many customers drawn at random."""
    recall_nearest: float = 0.0
    """The same of as many customers who are nearest to the centre of the seed."""
    lift: float = 0.0
    """How many times the recall of random customers it is."""
    lift_nearest: float = 0.0
    carried_by: list[CarryingFeature] = field(default_factory=list)
    calibration: list[dict[str, float]] = field(default_factory=list)
    """By likeness (`low` to `high`): held-out `customers`, and the share of them in the `seed` at even odds."""


def lookalike_reports(live: LiveAudiences, features: Mapping[str, Feature]) -> dict[str, list[LookalikeReport]]:
    """Return a report of each look-alike that a rule asks for, at the size or likeness that enters."""
    found: dict[str, list[LookalikeReport]] = {}
    for index, audience in enumerate(live.ids):
        asked: dict[LookalikeOf, Alike] = {}
        for clause in live.rules.clauses(index):
            if not any(isinstance(one.predicate, Belongs) and one.predicate.audience == audience for one in clause):
                for one in clause:
                    if isinstance(one.predicate, Alike):
                        asked.setdefault(LookalikeOf(one.predicate.seed, one.predicate.by), one.predicate)
        if asked:
            found[audience] = [_report(live, which, rule, features) for which, rule in asked.items()]
    return found


def _report(live: LiveAudiences, which: LookalikeOf, rule: Alike, features: Mapping[str, Feature]) -> LookalikeReport:
    one = live.published.find(which)
    if one is None or not one.is_learned:
        return LookalikeReport(
            which.seed, which.by, 0 if one is None else one.sampled, 0 if one is None else one.needed, False
        )
    point = one.at_size(rule.size) if rule.size is not None else one.at_likeness(rule.likeness or 0.0)
    share = max(point.share, 1e-9)
    return LookalikeReport(
        seed=which.seed,
        by=which.by,
        sampled=one.sampled,
        needed=one.needed,
        learned=True,
        held_out=one.held_out,
        others=round(one.others),
        size=round(point.share * one.others),
        likeness=point.likeness,
        recall=point.recall,
        recall_random=point.share,
        recall_nearest=point.nearest,
        lift=point.recall / share,
        lift_nearest=point.nearest / share,
        carried_by=[
            CarryingFeature(each.feature, features[each.feature].meaning, each.part, each.seed, each.others)
            for each in one.carriers
            if each.feature in features
        ],
        calibration=[
            {"low": band.low, "high": band.high, "customers": band.customers, "seed": band.seed} for band in one.bands
        ],
    )
