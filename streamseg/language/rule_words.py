"""Says in words what a rule asks of a customer, for people who want to know why one is in an audience or not."""

from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any

from streamseg.audiences.predicates import (
    Alike,
    Among,
    Belongs,
    Birthday,
    Compared,
    Happened,
    InGroup,
    Known,
    OnList,
    Predicate,
    Spent,
    Stays,
)
from streamseg.clustering.identity import id_of
from streamseg.features.layout import Layout
from streamseg.language import DEFAULT, messages
from streamseg.language.segment_text import feature_name, in_form
from streamseg.time_units import DAY_SECONDS, HOUR_SECONDS

Texts = Mapping[str, Any]


def asked(predicate: Predicate, layout: Layout, language: str = DEFAULT) -> str:  # noqa: C901, PLR0911 - one for each kind
    """Return what a predicate asks. English names features as rules do, other languages in words.

    >>> asked(Happened("purchase.shoes", 2, 30 * 86_400), Layout.of())
    'purchase of shoes at least 2 times within 30 days'
    >>> asked(Happened("visit", 1, 86_400), Layout.of(), "nl")
    'bezoek in de laatste 1 dag'
    """
    texts = messages(language)["rule"]
    match predicate:
        case Compared(figure, operator, number):
            facts: dict[str, Any] = {"operator": operator, "number": in_form(f"{number:g}", language)}
            return _said(texts, "compared", figure=_figure(figure, language), **facts)
        case Known(figure):
            return _said(texts, "known", figure=_figure(figure, language))
        case Among(attribute, values):
            return _said(texts, "among", attribute=attribute, values=_one_of(texts, _listed(layout, attribute, values)))
        case InGroup(segmentation, codes):
            return _said(texts, "in_group", groups=_one_of(texts, [id_of(segmentation, code) for code in codes]))
        case Happened(event, at_least, seconds):
            facts = {"event": _event(texts, event), "count": at_least, "within": _within(texts, seconds)}
            return _said(texts, "once" if at_least == 1 else "often", **facts)
        case Spent(at_least_minor, days):
            amount = in_form(f"{at_least_minor / 10**layout.minor_units:,.{layout.minor_units}f}", language)
            return _said(texts, "spent", amount=f"{amount} {layout.currency}", time=_many(texts, "days", days))
        case Birthday(_, period):
            return str(texts[f"birthday_{period}"])
        case Alike(seed, by, likeness, size):
            least = in_form(f"{likeness or 0.0:g}", language)
            most = in_form(f"{size or 0.0:,.0f}", language)
            return _said(texts, "alike" if size is None else "most_alike", seed=seed, by=by, least=least, most=most)
        case OnList(name):
            return _said(texts, "on_list", list=name)
        case Belongs(audience):
            return _said(texts, "belongs", group=audience)
        case Stays(segmentation, code):
            return _said(texts, "belongs", group=id_of(segmentation, code))


def _said(texts: Texts, key: str, **facts: Any) -> str:
    return str(texts[key]).format(**facts)


def _figure(figure: str, language: str) -> str:
    return figure if language == DEFAULT else feature_name(figure, language)


def _event(texts: Texts, event: str) -> str:
    name, _, category = event.partition(".")
    said = str(texts.get(f"event_{name}", name))
    return _said(texts, "of", event=said, category=category.replace("_", " ")) if category else said


def _within(texts: Texts, seconds: float) -> str:
    if isinf(seconds):
        return str(texts["ever"])
    units = ((DAY_SECONDS, "days"), (HOUR_SECONDS, "hours"), (60, "minutes"), (1, "seconds"))
    unit, name = next(one for one in units if seconds % one[0] == 0)
    return _said(texts, "within", time=_many(texts, name, int(seconds // unit)))


def _many(texts: Texts, unit: str, count: int) -> str:
    return str(texts[unit]["one" if count == 1 else "other"]).format(n=count)


def _listed(layout: Layout, name: str, values: Sequence[int]) -> list[str]:
    known = next(one.values for one in layout.attributes if one.name == name)
    return [str(known[value]) for value in values]


def _one_of(texts: Texts, names: Sequence[str]) -> str:
    return str(texts["join"]).join(names)
