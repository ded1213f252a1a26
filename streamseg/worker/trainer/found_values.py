"""Names what the settings do not list: cities and categories, as features of descriptions.

Rows and vectors hold numbers and hash groups. The words themselves come with the samples, so they are deleted with
them, and no word is named that only one or two customers have.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from streamseg.clustering.description.difference import LEAST_DESCRIBED
from streamseg.clustering.encode import Floats
from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import YES_OR_NO, Feature
from streamseg.features.formulas import Moment
from streamseg.features.layout import slug
from streamseg.features.words.group_names import with_name
from streamseg.features.words.texts import shown

MOST_FREQUENT: Final = 12
"""Values of an attribute that are named."""


def found_values(samples: Sequence[Sample]) -> tuple[dict[str, Feature], Floats]:
    """Return a feature of 0 or 1 for each of the most frequent values, and what was observed in it, (n, features).

    NaN stands where a customer told no value of the attribute.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in samples:
        for attribute, text in one.texts.items():
            counts[attribute][text] += 1
    features, columns = dict[str, Feature](), list[list[float]]()
    for attribute in sorted(counts):
        for text, customers in counts[attribute].most_common(MOST_FREQUENT):
            feature = _feature(attribute, text)
            if customers < LEAST_DESCRIBED or feature.name in features:
                continue
            features[feature.name] = feature
            told = (one.texts.get(attribute) for one in samples)
            columns.append([np.nan if value is None else float(value == text) for value in told])
    return features, np.array(columns).T.reshape(len(samples), len(columns))


def named_groups(samples: Sequence[Sample], known: Mapping[str, Feature]) -> dict[str, Feature]:
    """Return features with the names of hash groups of categories, by the feature of the group.

    The name is the one that most samples give it. What was observed in the group is what was observed in the feature.
    """
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in samples:
        for group, name in one.heard.items():
            votes[group][name] += 1
    found: dict[str, Feature] = {}
    for group in sorted(votes.keys() & known.keys()):
        ((name, voters),) = votes[group].most_common(1)
        if voters >= LEAST_DESCRIBED:
            found[group] = with_name(known[group], name)
    return found


def _feature(attribute: str, text: str) -> Feature:
    stem = f"profile_{slug(attribute)}"
    meaning = f"{attribute} is {shown(text)}"
    return Feature(
        f"{stem}_{slug(text)}", YES_OR_NO, meaning, False, _in_samples, attribute, block=stem, value=shown(text)
    )


def _in_samples(moment: Moment) -> Floats:
    """Refuse: which values there are is known of samples, not of rows."""
    raise TypeError(f"{len(moment.slots)} rows cannot tell values that were found in samples")
