"""Audiences for tests, declared as people declare them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.features.layout import Layout
from streamseg.pipeline import LiveAudiences
from streamseg.wiring.declared_audiences import NONE, Segmentations, live_audiences

Rule = Mapping[str, Any]

VISITORS: Rule = {"event": "visit", "within": "7 days"}
BUYERS: Rule = {"event": "purchase", "within": "30 days"}
QUIET: Rule = {"all": [{"event": "visit"}, {"event": "visit", "none_within": "7 days"}]}


def definition(audience: str, rule: Rule) -> dict[str, Any]:
    """Return a definition as the store keeps it."""
    given = {"id": audience, "name": audience, "purpose": "content", "rule": rule}
    return Audience.model_validate(given).written()


def declared(rules: Mapping[str, Rule], columns: int, before: DeclaredAudiences | None = None) -> DeclaredAudiences:
    """Declare audiences, each in a generation of its own."""
    made = before or DeclaredAudiences()
    for audience, rule in rules.items():
        made = made.with_(audience, definition(audience, rule), columns)
    return made


def live(
    layout: Layout, audiences: DeclaredAudiences, segmentations: Segmentations = NONE, dropped: Sequence[str] = ()
) -> LiveAudiences:
    """Return audiences and declared segmentations as the path needs them."""
    return live_audiences(layout, audiences, segmentations=segmentations, dropped=dropped)[0]


def segment_rules(**rules: Rule | None) -> SegmentRules:
    """Declare a segmentation by the rules of its segments, in their order; None is all who are left."""
    segments = [{"id": name, "name": name} | ({} if rule is None else {"rule": rule}) for name, rule in rules.items()]
    return SegmentRules.model_validate({"segment": segments})


STATUS: Final = segment_rules(
    lapsed={"all": [{"event": "purchase"}, {"event": "purchase", "none_within": "30 days"}]},
    customer={"event": "purchase"},
    prospect=None,
)
