"""Says how members come, in the app or on the web, by which browser, and what they search for."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamseg.clustering.description.bounds import MOST
from streamseg.clustering.description.difference import Figures
from streamseg.features.catalogue import Feature

NEARLY_ALL: Final = 0.6
"""Share from which an app or a browser is named."""
OFTEN_SEARCHED: Final = 0.2
"""Share of the searches from which a group of words is named."""
_SAID: Final = {"channel": ("came", "part"), "platform": ("device", "device"), "browser": ("browser", "name")}
"""Message and its fact by kind."""
_PHRASES: Final = ("gift", "urgent", "problem", "price")
"""Groups of the needs pack, which have a phrase in every language; others are told by their name."""


def told_words(figures: Figures, known: Mapping[str, Feature]) -> Iterable[dict[str, Any]]:
    """Yield what is said of the words in members' clicks, as messages (`message.Message`)."""
    searched = []
    for name, one in ((name, figures[name]) for name in known if name in figures):
        kind, _, part = name.removesuffix("_share").partition("_")
        if one.known < MOST:
            continue
        if kind in _SAID and known[name].block == kind and part != "other":
            if one.mean >= (MOST if kind == "channel" else NEARLY_ALL):
                message, fact = _SAID[kind]
                what = {"names": [_shown(part).title()]} if kind == "browser" else {"message": f"{kind}_{part}"}
                yield {"key": message, "facts": {fact: what, "share": {"share": one.mean}}}
        elif kind == "search" and one.mean >= OFTEN_SEARCHED:
            searched.append((one.mean, part))
    for mean, group in sorted(searched, reverse=True):
        sought = {"message": f"search_{group}"} if group in _PHRASES else {"names": [_shown(group)]}
        yield {"key": "searches_for", "facts": {"what": sought, "share": {"share": mean}}}


def _shown(part: str) -> str:
    return part.replace("_", " ")
