"""Writes numbers as people write them: "about once a week", "55-70 EUR", "3 months", "79%"."""

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any, Final

Tables = Mapping[str, Mapping[str, Any]]

OFTEN: Final = (
    (20.0, "daily"),
    (11.0, "several_a_week"),
    (6.0, "twice_a_week"),
    (3.0, "weekly"),
    (1.5, "fortnightly"),
    (0.7, "monthly"),
    (0.2, "few_months"),
    (0.0, "hardly"),
)
"""Words for a number of events in 30 days, from the given number on."""
_SPANS: Final = ((700.0, 365.25, "years"), (60.0, 30.44, "months"), (21.0, 7.0, "weeks"), (0.0, 1.0, "days"))
"""From how many days on they are counted in which unit, and its days."""
_SMALL: Final = 10.0
_LARGE: Final = 100.0
_TENTH: Final = 0.1
_CENT: Final = 0.01
_HALF_PERCENT: Final = 0.005


def share(tables: Tables, value: float) -> str:
    """Write a share (0-1) in per cent. What is not quite nothing or all is not written as such."""
    form = tables["form"]
    rounded = min(max(round(100 * value), 1 if value > 0 else 0), 99 if value < 1 else 100)
    text = str(form["percent"]).format(rounded)
    if 0 < value < _HALF_PERCENT:
        return str(form["under"]).format(text)
    return str(form["over"]).format(text) if 1 - _HALF_PERCENT < value < 1 else text


def often(tables: Tables, rate: float) -> str:
    """Write how often something happens that happens `rate` times in 30 days."""
    key = next(key for least, key in OFTEN if rate >= least)
    return str(tables["often"][key])


def span(tables: Tables, days: float) -> str:
    """Write a time of so many days."""
    if days < 1:
        return str(tables["span"]["hours"])
    unit, name = next((unit, name) for least, unit, name in _SPANS if days >= least)
    count = max(round(days / unit), 1)
    forms = tables["span"][name]
    return str(forms["one"] if count == 1 else forms["other"]).format(number(tables, count))


def number(tables: Tables, value: float) -> str:
    """Write a number: one decimal place below 10, none above; two where one would make 0 of it."""
    places = 1 if abs(value) < _SMALL and round(value, 1) != round(value) else 0
    places = 2 if _CENT / 2 <= abs(value) < _TENTH / 2 else places
    form = tables["form"]
    text = f"{value:,.{places}f}"
    return text.translate({ord(","): str(form["thousands"]), ord("."): str(form["decimal"])})


def numbers(tables: Tables, ends: Sequence[float]) -> str:
    """Write one number, or a range; one number where both ends read the same."""
    return _range(tables, [number(tables, one) for one in ends])


def money(tables: Tables, ends: Sequence[float], currency: str) -> str:
    """Write an amount, or a range as people round it: "55-70 EUR", or "about 60 EUR" where both ends are the same."""
    if len(ends) == 1:
        return f"{_amount(tables, ends[0], _CENT if _CENT / 2 <= ends[0] < _SMALL else 1.0)} {currency}"
    step = _step(max(abs(one) for one in ends))
    texts = [_amount(tables, round(one / step) * step, step) for one in ends]
    text = _range(tables, texts) if round(ends[0] / step) else str(tables["form"]["up_to"]).format(texts[-1])
    text = text if len(set(texts)) > 1 else str(tables["form"]["about"]).format(texts[0])
    return f"{text} {currency}"


def listed(tables: Tables, parts: Sequence[str]) -> str:
    """Join parts as a list: "a, b and c"."""
    if not parts[1:]:
        return "".join(parts)
    return str(tables["form"]["last"]).format(", ".join(parts[:-1]), parts[-1])


def _range(tables: Tables, texts: Sequence[str]) -> str:
    return texts[0] if len(set(texts)) == 1 else str(tables["form"]["range"]).format(*texts)


def _step(value: float) -> float:
    """Return to what people round an amount of this size: 0.01 below 1, 0.1 below 10, 1 below 20, 5 below 100, ..."""
    if value < 1.0:
        return _CENT
    if value < _SMALL:
        return 0.1
    size = 10.0 ** floor(log10(value))
    return size / 2.0 if 2 * size <= value and size < _LARGE else size / 10.0


def _amount(tables: Tables, value: float, step: float) -> str:
    if step >= 1.0 or not value:
        return number(tables, round(value))
    form = tables["form"]
    return f"{value:,.2f}".translate({ord(","): str(form["thousands"]), ord("."): str(form["decimal"])})
