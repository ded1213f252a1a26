"""Catalogue entries of declared groups: the segments of declared segmentations, and those outside of a population.

Nobody of them is sampled, so an entry says what was declared, and no more.
"""

import json
from collections.abc import Mapping
from typing import Any

from streamseg.audiences.segment_rules import DeclaredSegment, SegmentRules
from streamseg.clustering.identity import OUTSIDE, id_of
from streamseg.clustering.population import Population


def declared_entries(
    populations: Mapping[str, Population], segmentations: Mapping[str, SegmentRules]
) -> dict[str, dict[str, Any]]:
    """Return the entry of each declared group by id, but for what depends on sizes and times.

    Args:
        populations: who belongs, by segmentation, where that is not everybody.
        segmentations: the declared ones.
    """
    outside = {id_of(name, OUTSIDE): _outside(name, rule) for name, rule in populations.items()}
    segments = {
        f"{name}-{one.id}": _segment(name, one) for name, rules in segmentations.items() for one in rules.segment
    }
    return outside | segments


def _outside(segmentation: str, rule: Population) -> dict[str, Any]:
    never_bought = rule.of_buyers
    word = {"key": "non_buyers"} if never_bought else {"key": "outside", "text": str(rule)}
    said = {"key": "never_bought"} if never_bought else {"key": "outside_of", "facts": {"rule": {"names": [str(rule)]}}}
    return _entry(segmentation, said, {"by": "population", "rule": str(rule)}) | {
        "mean_value": 0.0 if never_bought else None,
        "label_words": {"words": [word]},
        "traits": ["non_buyers"] if never_bought else [],
    }


def _segment(segmentation: str, one: DeclaredSegment) -> dict[str, Any]:
    """Return the entry of a segment with a rule; the rule is kept as it was written, and told in words."""
    rule = ""
    said: dict[str, Any] = {"key": "by_rest"}
    if one.rule is not None:
        written = one.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        rule = json.dumps(written, ensure_ascii=False)
        said = {"key": "by_rule", "facts": {"rule": {"rule": written}}}
    told = {"by": "rules", "rule": rule, "name": one.name, "description": one.description}
    return _entry(segmentation, said, told)


def _entry(segmentation: str, said: dict[str, Any], declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "segmentation": segmentation,
        "declared": declared,
        "parents": [],
        "retired": None,
        "described": 0,
        "described_at": 0,
        "mean_value": None,
        "label_words": {"words": []},
        "persona": [said],
        "apart": [],
        "nearest": None,
        "apart_from_nearest": [],
        "traits": [],
        "differences": [],
        "representatives": [],
        "rfm": None,
        "usual": {},
        "group_names": {},
    }
