"""What clicks tell in words, counted by kind: how a visit came, by which browser, in the app or on the web, what for.

Each kind has a sum per part and one for all clicks that tell it, so sums commute and parts are shares. Kinds take bytes
of a row only where the settings or a pack ask for them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal, TypeAlias

from streamseg.features.words.channels import CHANNELS, channel_of

Kind: TypeAlias = Literal["channel", "browser", "platform", "search"]
"""`search` has the parts that the settings name; the others are fixed."""

_BROWSERS: Final = (
    ("edg", "edge"),
    ("samsung", "samsung_internet"),
    ("opera", "other"),
    ("firefox", "firefox"),
    ("chrom", "chrome"),
    ("crios", "chrome"),
    ("safari", "safari"),
)
"""Family by a part of the name that is sent; the first counts, as most names also hold "chrome" or "safari"."""
_APPS: Final = ("app", "ios", "android")

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "channel": CHANNELS,
    "browser": ("chrome", "safari", "firefox", "edge", "samsung_internet", "other"),
    "platform": ("app", "web"),
}
_ADDS: Final = {
    "channel": ("each visit by {}: 1", "each visit of which it is told how it came: 1"),
    "browser": ("each click in {}: 1", "each click whose browser is told: 1"),
    "platform": ("each click in the {}: 1", "each click whose platform is told: 1"),
    "search": ("each search with one of the words {}: 1", "each search whose term is told: 1"),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind, with its parts; a search may be of several parts or of none."""

    kind: Kind
    parts: tuple[str, ...]
    """Names in the form used in feature names."""
    words: tuple[tuple[str, ...], ...] = ()
    """Of `search`: the words of each part, in lower case; `gift*` is every word that begins with it."""

    @property
    def sums(self) -> tuple[tuple[str, str], ...]:
        """Name and meaning of each sum: one per part, then the one of all."""
        part, told = _ADDS[self.kind]
        meant = (
            [", ".join(words) for words in self.words] if self.words else [one.replace("_", " ") for one in self.parts]
        )
        parts = ((f"{self.kind}_{one}", part.format(says)) for one, says in zip(self.parts, meant, strict=True))
        return (*parts, (self.told, told))

    @property
    def told(self) -> str:
        """Name of the sum of all clicks that tell it."""
        return f"{self.kind}_told"

    def of(self, click: Any) -> Sequence[int] | None:
        """Return the places of the parts that a click adds to; None if it does not tell the kind."""
        return _reader(self)(click)


def counted_kinds(kinds: Sequence[str], search_groups: Mapping[str, Sequence[str]]) -> tuple[Counted, ...]:
    """Return what is counted: the fixed kinds that are asked for, and searches by groups of words, by their names."""
    fixed: tuple[Kind, ...] = ("channel", "browser", "platform")
    chosen = tuple(Counted(kind, PARTS[kind]) for kind in fixed if kind in kinds)
    words = tuple(tuple(word.casefold() for word in group) for group in search_groups.values())
    return (*chosen, Counted("search", tuple(search_groups), words)) if search_groups else chosen


@cache
def _reader(counted: Counted) -> Callable[[Any], Sequence[int] | None]:
    match counted.kind:
        case "channel":
            places = {name: (place,) for place, name in enumerate(counted.parts)}
            return lambda click: places.get(
                channel_of(click.page_location, click.page_referrer, begins=click.event_name == "session_start") or ""
            )
        case "browser":
            families = {name: (place,) for place, name in enumerate(counted.parts)}
            return lambda click: families[browser_of(click.browser)] if click.browser else None
        case "platform":
            sides = {name: (place,) for place, name in enumerate(counted.parts)}
            return lambda click: sides.get(platform_of(click.platform) or "") if click.platform else None
        case "search":
            found = _groups(counted.words)
            return lambda click: found(click.search_term) if click.search_term else None


@lru_cache(maxsize=1_024)
def browser_of(name: str) -> str:
    """Return the family of a browser's name.

    >>> browser_of("Chrome Mobile iOS"), browser_of("Mobile Safari"), browser_of("Microsoft Edge"), browser_of("Lynx")
    ('chrome', 'safari', 'edge', 'other')
    """
    low = name.casefold()
    return next((family for part, family in _BROWSERS if part in low), "other")


@lru_cache(maxsize=1_024)
def platform_of(name: str) -> str | None:
    """Return `app` or `web` for a platform's name, None for any other.

    >>> platform_of("IOS"), platform_of("WEB"), platform_of("tv")
    ('app', 'web', None)
    """
    low = name.casefold()
    if "web" in low or low == "browser":
        return "web"
    return "app" if any(one in low for one in _APPS) else None


def _pattern(word: str) -> str:
    return re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "")


def _groups(words: Sequence[Sequence[str]]) -> Callable[[str], Sequence[int]]:
    patterns = [re.compile(rf"\b(?:{'|'.join(map(_pattern, group))})\b") for group in words]

    @lru_cache(maxsize=4_096)
    def found(term: str) -> tuple[int, ...]:
        low = term.casefold()
        return tuple(place for place, pattern in enumerate(patterns) if pattern.search(low))

    return found
