"""Says in words a rule as it was written, for people who meet it in the description of a declared segment.

`rule_words` says what one customer meets of a rule; here nobody is asked, so nothing but the writing is needed.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Texts = Mapping[str, Any]
Rule = Mapping[str, Any]

_BOUNDS: Final = (("is", "="), ("at_least", ">="), ("above", ">"), ("at_most", "<="), ("below", "<"))
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION: Final = re.compile(r"(\d+)([dhms])")


def told(rule: Rule, texts: Texts, figure: Callable[[str], str]) -> str:  # noqa: PLR0911 - one for each kind
    """Return a rule in words; what has no words of its own is told as it was written.

    Args:
        rule: as JSON has it.
        texts: the table [rule] of a language.
        figure: returns the name of a feature in that language.
    """
    match rule:
        case {"all": parts}:
            return str(texts["and"]).join(_within_another(one, texts, figure) for one in parts)
        case {"any": parts}:
            return str(texts["join"]).join(_within_another(one, texts, figure) for one in parts)
        case {"not": part}:
            return _said(texts, "not", said=_within_another(part, texts, figure))
        case {"event": event, **how}:
            return _event(texts, event, how)
        case {"never": event, **how}:
            return _said(texts, "not", said=f"{_named(texts, event, how)} {texts['ever']}")
        case {"known": name}:
            return _said(texts, "known", figure=figure(name))
        case {"feature": name, **bounds} | {"trait": name, **bounds} if said := _bounds(texts, figure(name), bounds):
            return said
        case {"list": name}:
            return _said(texts, "on_list", list=name)
        case {"audience": name}:
            return _said(texts, "belongs", group=name)
        case _:
            return json.dumps(rule, ensure_ascii=False)


def _said(texts: Texts, key: str, **facts: Any) -> str:
    return str(texts[key]).format(**facts)


def _within_another(rule: Rule, texts: Texts, figure: Callable[[str], str]) -> str:
    said = told(rule, texts, figure)
    return f"({said})" if "all" in rule or "any" in rule else said


def _named(texts: Texts, event: str, how: Rule) -> str:
    name, category = str(texts.get(f"event_{event}", event)), how.get("category")
    return _said(texts, "of", event=name, category=category.replace("_", " ")) if category else name


def _event(texts: Texts, event: str, how: Rule) -> str:
    name, least, most = _named(texts, event, how), how.get("at_least", 1), how.get("at_most")
    if "none_within" in how:
        return _said(texts, "not", said=_said(texts, "once", event=name, within=_span(texts, how["none_within"])))
    within = _span(texts, how.get("within"))
    parts = []
    if least > 1:
        parts.append(_said(texts, "often", event=name, count=least, within=within))
    elif most is None or "at_least" in how:
        parts.append(_said(texts, "once", event=name, within=within))
    if most is not None:
        parts.append(_said(texts, "not", said=_said(texts, "often", event=name, count=most + 1, within=within)))
    return str(texts["and"]).join(parts)


def _span(texts: Texts, written: str | None) -> str:
    if written is None:
        return str(texts["ever"])
    found = _DURATION.fullmatch(written)
    if found is None:
        return _said(texts, "within", time=written)
    count, unit = int(found[1]), _UNITS[found[2]]
    return _said(texts, "within", time=str(texts[unit]["one" if count == 1 else "other"]).format(n=count))


def _bounds(texts: Texts, name: str, bounds: Rule) -> str:
    """Return what is asked of a figure; empty if it has a limit that has no words."""
    if "is_one_of" in bounds:
        return _said(texts, "among", attribute=name, values=str(texts["join"]).join(map(str, bounds["is_one_of"])))
    if not bounds or {*bounds} - {key for key, _ in _BOUNDS}:
        return ""
    said = (
        _said(texts, "compared", figure=name, operator=operator, number=_plain(bounds[key]))
        for key, operator in _BOUNDS
        if key in bounds
    )
    return str(texts["and"]).join(said)


def _plain(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
