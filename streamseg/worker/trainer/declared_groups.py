"""Catalogue entries of declared groups: those outside of the population of a segmentation.

Nobody of them is sampled, so an entry says what the rule says, and no more.
"""

from collections.abc import Mapping
from typing import Any

from streamseg.clustering.identity import OUTSIDE, id_of
from streamseg.clustering.population import Population


def declared_entries(populations: Mapping[str, Population]) -> dict[str, dict[str, Any]]:
    """Return the entry of each declared group by id, but for what depends on sizes and times.

    `populations`: the rule by segmentation.
    """
    return {id_of(name, OUTSIDE): _entry(name, rule) for name, rule in populations.items()}


def _entry(segmentation: str, rule: Population) -> dict[str, Any]:
    never_bought = rule.of_buyers
    word = {"key": "non_buyers"} if never_bought else {"key": "outside", "text": str(rule)}
    said = {"key": "never_bought"} if never_bought else {"key": "outside_of", "facts": {"rule": {"names": [str(rule)]}}}
    return {
        "segmentation": segmentation,
        "declared": {"by": "population", "rule": str(rule)},
        "parents": [],
        "retired": None,
        "described": 0,
        "described_at": 0,
        "mean_value": 0.0 if never_bought else None,
        "label_words": {"words": [word]},
        "persona": [said],
        "apart": [],
        "nearest": None,
        "apart_from_nearest": [],
        "traits": ["non_buyers"] if never_bought else [],
        "differences": [],
        "representatives": [],
        "rfm": None,
        "usual": {},
    }
