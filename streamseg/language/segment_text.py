"""Writes label, description and suggested action of a catalogue entry in a language."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from streamseg.features.catalogue import Feature
from streamseg.features.words.attributes import slug
from streamseg.features.words.group_names import shown_names, with_name
from streamseg.language import DEFAULT, messages
from streamseg.language.actions import Action, suggested
from streamseg.language.amounts import Tables, listed, money, numbers, often, share, span
from streamseg.language.written_rule import told

Entry = Mapping[str, Any]
_PATTERNS: Final = ("recent", "category", "browser", "search")
"""Texts of features with a name of the shop's, or of another feature."""
_NAMED_WITH: Final = frozenset({"climate_zone", "profit_band", "area", "industry", "company_country"})
"""Attributes whose values say little without their name: "mostly climate zone southern"."""
_YES_OR_NO_TEXTS: Final = frozenset({"yes", "no", "true", "false"})
"""Values that say nothing without the name of what they are of; neither does a number."""
_YES: Final = 0.5
"""From this value on, a feature of 0 or 1 counts as yes."""


def label(entry: Entry, language: str = DEFAULT) -> str:
    """Return the name that a person gave the segment, else the generated label."""
    given = entry.get("given_name") or ("label_words" not in entry and entry.get("label"))
    return str(given) if given else generated_label(entry, language)


def generated_label(entry: Entry, language: str = DEFAULT) -> str:
    """Return the generated label; entries of older versions have it in English only."""
    if (name := _given(entry, "name", language)) is not None:
        return name
    said = entry.get("label_words")
    if said is None:
        return str(entry.get("generated_label", entry.get("label", "")))
    tables = messages(language)
    text = _label(tables, said["words"], described=bool(entry.get("described", 1)))
    if "beside" in said:
        text = str(tables["label"]["join"]).format(text, _tag(tables, said["beside"]))
    return str(tables["label"]["numbered"]).format(text, said["number"]) if "number" in said else text


def description(entry: Entry, language: str = DEFAULT, labels: Mapping[str, str] | None = None) -> str:
    """Return the persona in sentences.

    Args:
        entry: of the catalogue.
        language: a code of `languages()`.
        labels: by segment id, to name the nearest other segment.
    """
    if "label_words" not in entry:
        return str(entry.get("description", ""))
    tables = messages(language)
    if (given := _given(entry, "description", language)) is not None:
        return _sentence(given.removesuffix("."))
    if entry.get("declared"):
        return " ".join(_sentence(say(tables, one)) for one in entry["persona"])
    early = provisional(entry, language)
    if not entry.get("described"):
        return " ".join([_sentence(str(tables["sentence"]["not_described"])), *early])
    parts = []
    if entry.get("value_share") is not None and entry.get("share"):
        size, value = (share(tables, entry[name]) for name in ("share", "value_share"))
        parts.append(str(tables["sentence"]["value"]).format(size=size, share=value))
    parts += [say(tables, one) for one in entry["persona"] if not _reads_the_same(tables, one)]
    differences = _differences(tables, "apart", entry["apart"])
    parts.append(differences or str(tables["sentence"]["nothing_apart"]))
    nearest = (labels or {}).get(entry["nearest"] or "")
    if nearest and (beside := _differences(tables, "apart_from_nearest", entry["apart_from_nearest"], label=nearest)):
        parts.append(beside)
    return " ".join([*map(_sentence, parts), *early])


def provisional(entry: Entry, language: str = DEFAULT) -> list[str]:
    """Return the sentence that says that the segment was made early, of few events; nothing if it was not."""
    if (until := entry.get("provisional_until")) is None:
        return []
    day = datetime.fromtimestamp(until, UTC).date().isoformat()
    return [_sentence(str(messages(language)["sentence"]["provisional"]).format(day=day))]


def _given(entry: Entry, text: str, language: str) -> str | None:
    """Return a text that the rules of a declared segment give, in English where the language has none."""
    texts = (entry.get("declared") or {}).get(text) or {}
    found = texts.get(language, texts.get(DEFAULT))
    return None if found is None else str(found)


def action(entry: Entry, actions: Sequence[Action], language: str = DEFAULT) -> str | None:
    """Return the suggested action; None if none of the table fits."""
    found = suggested(entry.get("traits", ()), actions, _goods(entry))
    return None if found is None else found.text(language)


def _goods(entry: Entry) -> Sequence[str]:
    """Return the categories that members go for."""
    said = (one["facts"]["names"]["names"] for one in entry.get("persona", ()) if one["key"] == "goods")
    return next(said, ())


def written(
    entries: Mapping[str, Entry], actions: Sequence[Action], language: str = DEFAULT
) -> dict[str, dict[str, Any]]:
    """Return entries by segment id with `label`, `description` and `action` in a language."""
    labels = {segment: label(entry, language) for segment, entry in entries.items()}
    return {
        segment: dict(entry)
        | {
            "label": labels[segment],
            "description": description(entry, language, labels),
            "action": action(entry, actions, language),
        }
        for segment, entry in entries.items()
    }


def feature_name(name: str, language: str = DEFAULT) -> str:
    """Return what a feature is a figure of: "value of an order"."""
    return _feature(messages(language), name)


def feature_value(feature: Feature, value: float, language: str = DEFAULT) -> str:
    """Return one customer's value of a feature as "name: value". Counts and decayed spend are of 30 days."""
    tables = messages(language)
    if feature.value:
        text = str(tables["why"]["yes" if value >= _YES else "no"])
        name = f"{_attribute(tables, feature.subject)} {_value(tables, feature.value, feature.subject)}"
        return str(tables["why"]["value"]).format(feature=name, value=text)
    text = figure(feature, value, language)
    return str(tables["why"]["value"]).format(feature=_feature(tables, feature.name), value=text)


def figure(feature: Feature, value: float, language: str = DEFAULT) -> str:
    """Return a value of a feature in its unit, without its name; a mean of yes and no is the share of yes."""
    tables = messages(language)
    if feature.unit == "share" or feature.value:
        return share(tables, value)
    if feature.unit == "days":
        return span(tables, value)
    if feature.unit.isupper():
        return money(tables, [value], feature.unit)
    return numbers(tables, [value])


def with_group_names(features: Mapping[str, Feature], entry: Entry) -> dict[str, Feature]:
    """Return the features, hash groups of categories with the names that the entry has for them."""
    names = entry.get("group_names", {})
    return {name: with_name(one, names[name]) if name in names else one for name, one in features.items()}


def rfm_name(name: str, language: str = DEFAULT) -> str:
    """Return a customary RFM name in a language."""
    key = f"rfm_{name.lower().replace(' ', '_').replace(chr(39), '')}"
    return str(messages(language)["phrase"].get(key, name))


def in_form(text: str, language: str) -> str:
    """Return a text of numbers written the English way with the separators of a language."""
    form = messages(language)["form"]
    return text.translate({ord(","): str(form["thousands"]), ord("."): str(form["decimal"])})


def say(tables: Tables, message: Mapping[str, Any]) -> str:
    """Return the text of one message, without a full stop."""
    facts = {name: _fact(tables, fact) for name, fact in message.get("facts", {}).items()}
    return str(tables["sentence"][message["key"]]).format(**facts)


def _reads_the_same(tables: Tables, message: Mapping[str, Any]) -> bool:
    """Return whether a change or a difference is between two figures that read the same."""
    facts = message.get("facts", {})
    pairs = (("now", "before"), ("ours", "theirs"))
    return any(one in facts and _fact(tables, facts[one]) == _fact(tables, facts[other]) for one, other in pairs)


def _differences(tables: Tables, key: str, differences: Sequence[Mapping[str, Any]], **facts: str) -> str:
    """Return what differs in a sentence; empty if nothing does that people can see."""
    said = [say(tables, one) for one in differences if not _reads_the_same(tables, one)]
    return str(tables["sentence"][key]).format(differences=listed(tables, said), **facts) if said else ""


def _label(tables: Tables, words: Sequence[Mapping[str, str]], *, described: bool) -> str:
    labels = tables["label"]
    if not words:
        return str(labels["middle" if described else "not_described"])
    noun = next((word for word in words if word["key"] in labels), None)
    added = ", ".join(_tag(tables, word) for word in words if word is not noun)
    if noun is None:
        return str(labels["customers"]).format(added)
    name = str(labels[noun["key"]]).format(noun.get("text", ""))
    return str(labels["join"]).format(name, added) if added else name


def _tag(tables: Tables, word: Mapping[str, str]) -> str:
    """Return the text of a word that is added to a name; some attributes have a text of their own."""
    tags, text = tables["tag"], word.get("text", "")
    if word["key"] in ("high", "low", "higher", "lower"):
        own = f"{word['key']}_{slug(text)}"
        return str(tags[own]) if own in tags else str(tags[word["key"]]).format(_attribute(tables, text))
    if word["key"] in ("mostly", "more_often"):
        value, attribute = _value(tables, text, word.get("of", "")), word.get("of", "")
        bare = any(letter.isdigit() for letter in value) or value in _YES_OR_NO_TEXTS or slug(attribute) in _NAMED_WITH
        return str(tags[word["key"]]).format(
            f"{_attribute(tables, attribute)} {value}" if attribute and bare else value
        )
    return str(tags[word["key"]]).format(text)


def _attribute(tables: Tables, name: str) -> str:
    """Return the name of an attribute, or of what it is grouped as; the shop's own as it is sent."""
    return str(tables["attribute"].get(slug(name), name.replace("_", " ")))


def _value(tables: Tables, value: str, attribute: str) -> str:
    """Return a value of an attribute; the shop's own as it is sent."""
    of = slug(attribute).removeprefix("company_")  # the country of a company is a country
    return str(tables["value"].get(f"{of}_{slug(value)}", value))


def _fact(tables: Tables, fact: Mapping[str, Any]) -> str:
    """Write a fact, see `clustering.description.message.Message`."""
    (kind, value), *_ = fact.items()
    text = _WRITERS[kind](tables, value, fact)
    return str(tables["sentence"][f"per_{fact['per']}"]).format(text) if fact.get("per") else text


def _feature(tables: Tables, name: str) -> str:
    known = tables["feature"]
    if name in known and name not in _PATTERNS:
        return str(known[name])
    if name.startswith("recent_"):
        return str(known["recent"]).format(_feature(tables, name.removeprefix("recent_")))
    if name.startswith("category_"):
        return str(known["category"]).format(shown_names(name.removeprefix("category_")))
    for kind in ("browser", "search"):
        if name.startswith(f"{kind}_") and name.endswith("_share"):
            word = name.removeprefix(f"{kind}_").removesuffix("_share")
            phrase = tables["phrase"].get(f"{kind}_{word}", word.replace("_", " "))
            return str(known[kind]).format(phrase.title() if kind == "browser" else phrase)
    return _attribute(tables, name.removeprefix("profile_"))


def _difference_of(tables: Tables, name: str, fact: Mapping[str, Any]) -> str:
    if "value" not in fact:
        return _feature(tables, name)
    return f"{_attribute(tables, fact['attribute'])} {_value(tables, fact['value'], fact['attribute'])}:"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


_WRITERS: Final[dict[str, Callable[[Tables, Any, Mapping[str, Any]], str]]] = {
    "share": lambda tables, value, _: share(tables, value),
    "often": lambda tables, value, _: often(tables, value),
    "days": lambda tables, value, _: span(tables, value),
    "money": lambda tables, value, fact: money(tables, value, str(fact["currency"])),
    "number": lambda tables, value, _: numbers(tables, value),
    "names": lambda tables, value, _: listed(tables, value),
    "message": lambda tables, value, _: str(tables["phrase"][value]),
    "messages": lambda tables, value, _: listed(tables, [say(tables, one) for one in value]),
    "feature": lambda tables, value, fact: _difference_of(tables, str(value), fact),
    "attribute": lambda tables, value, _: _attribute(tables, str(value)),
    "value": lambda tables, value, fact: _value(tables, str(value), str(fact["of"])),
    "rule": lambda tables, rule, _: told(rule, tables["rule"], lambda name: _feature(tables, name)),
}
