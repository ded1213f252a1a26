"""What the builder offers to pick from: all that rules can speak of, in the reader's words."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamseg.audiences.vocabulary import Vocabulary
from streamseg.clustering.population import OF_ROWS
from streamseg.console.pages.segment_texts import Entries, label_of
from streamseg.console.pages.view import Reader
from streamseg.features.feature import YES_OR_NO, Feature
from streamseg.features.words.attributes import slug
from streamseg.language import messages
from streamseg.language.segment_text import feature_name

UNITS: Final = {"share": "share", YES_OR_NO: "yes"}
"""Features whose numbers are picked in another way, by unit."""


def choices(
    vocabulary: Vocabulary, entries: Entries, audiences: Iterable[tuple[str, str]], reader: Reader
) -> dict[str, Any]:
    """Return the choices as JSON values: each has `value`, and `text` for people.

    Args:
        vocabulary: what rules can speak of.
        entries: the catalogue of segments, in the reader's language.
        audiences: id and name of each that there is.
        reader: who picks.
    """
    features = _features(vocabulary, entries, reader)
    traits = _traits(vocabulary)
    segments = [
        _choice(segment, f"{label_of(entries, segment, reader)} ({segment})")
        for segment, entry in sorted(entries.items(), key=lambda item: (item[1]["segmentation"], item[0]))
        if not entry.get("retired") and entry["segmentation"] in vocabulary.segmentations
    ]
    declared = [_choice(one, f"{name} ({one})") for one, name in audiences]
    return {
        "features": features,
        "traits": traits,
        "known": [_choice(one["value"], one["text"]) for one in (*traits, *features)],
        "events": _events(vocabulary, reader),
        "birthdays": [_choice(one.name) for one in vocabulary.attributes if not one.values and not one.found],
        "segments": segments,
        "segmentations": [
            _choice(name) | {"groups": [_choice(group) for group in groups]}
            for name, groups in vocabulary.segmentations.items()
        ],
        "compared_by": [_choice(name) for name in vocabulary.segmentations if name not in vocabulary.declared],
        "audiences": declared,
        "lists": [_choice(name) for name in vocabulary.lists],
        "seeds": [*declared, *segments],
        "spent_days": vocabulary.spent_days,
        "currency": vocabulary.currency,
    }


def _choice(value: str, text: str = "") -> dict[str, Any]:
    return {"value": value, "text": text or value}


def _features(vocabulary: Vocabulary, entries: Entries, reader: Reader) -> list[dict[str, Any]]:
    known = [one for one in vocabulary.features.values() if not one.hashed]
    found = [_feature(one, entries, reader) for one in known]
    found += [
        _choice(name, feature_name(name, reader.texts.language)) | {"unit": "", "as": "number"}
        for name in OF_ROWS
        if name not in vocabulary.features
    ]
    return sorted(found, key=lambda one: str(one["text"]).casefold())


def _feature(one: Feature, entries: Entries, reader: Reader) -> dict[str, Any]:
    kind = UNITS.get(one.unit, "number")
    unit = "%" if kind == "share" else "" if kind == "yes" else one.unit
    said = feature_name(one.name, reader.texts.language)
    said = f"{said}: {one.value}" if one.value and one.value not in said else said
    return _choice(one.name, said) | {"unit": unit, "as": kind, "usual": _usual(one.name, entries)}


def _usual(feature: str, entries: Entries) -> list[float] | None:
    """Return between which values most customers of all segments lie, where it is known."""
    ranges = [entry["usual"][feature] for entry in entries.values() if feature in (entry.get("usual") or {})]
    ranges = [one for one in ranges if isinstance(one, (list, tuple)) and len(one) == 2]  # noqa: PLR2004 - low, high
    return [min(one[0] for one in ranges), max(one[1] for one in ranges)] if ranges else None


def _traits(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    found = []
    for one in vocabulary.attributes:
        if not one.part:
            found.append(
                _choice(one.name) | {"values": [_choice(value) for value in one.values], "number": not one.values}
            )
        if one.group_as and not one.part:
            groups = vocabulary.groups(one.group_as)
            found.append(_choice(one.group_as) | {"values": [_choice(group) for group in groups], "number": False})
    return found


def _events(vocabulary: Vocabulary, reader: Reader) -> list[dict[str, Any]]:
    texts: Mapping[str, Any] = messages(reader.texts.language)["rule"]
    by_slug = {slug(one): one for one in vocabulary.categories}
    found: dict[str, dict[str, Any]] = {}
    for tracked, times in vocabulary.tracked.items():
        event, _, category = tracked.partition(".")
        one = found.setdefault(
            event, _choice(event, str(texts.get(f"event_{event}", event))) | {"times": 0, "categories": []}
        )
        if category:
            one["categories"].append(_choice(by_slug.get(category, category)) | {"times": times})
        else:
            one["times"] = times
    return list(found.values())
