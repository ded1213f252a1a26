"""Makes text of message keys and facts, in the reader's language. Stores and topics hold keys and facts only.

A language is one file in `messages/`; `tests/unit/language/test_messages.py` holds all files to the same keys.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from streamseg.errors import SettingsError

DEFAULT: Final = "en"
"""The language of those who ask for none that there is."""


@cache
def languages() -> tuple[str, ...]:
    """Return the codes of all languages, sorted."""
    folder = files(__name__) / "messages"
    return tuple(sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml")))


@cache
def messages(language: str, folder: str = "messages") -> Mapping[str, Mapping[str, Any]]:
    """Return the tables of a language: those that describe segments, or those of the folder `console`.

    Raises `SettingsError` if there is no such language.
    """
    if language not in languages():
        raise SettingsError(f"there is no language {language}: choose one of {', '.join(languages())}")
    return tomllib.loads((files(__name__) / folder / f"{language}.toml").read_text("utf-8"))


def negotiated(asked: str | None, accepted: str | None, default: str = DEFAULT) -> str:
    """Return the language to answer in.

    Args:
        asked: a code that was asked for by name; an unknown one counts as none.
        accepted: the header `Accept-Language`.
        default: if neither names a language that there is.

    >>> negotiated(None, "fr, nl-BE;q=0.8, en;q=0.5")
    'nl'
    >>> negotiated("sv", "nl")
    'sv'
    """
    for code in (*([asked] if asked else []), *_by_preference(accepted or "")):
        found = code.strip().lower().split("-")[0]
        if found in languages():
            return found
    return default


def _by_preference(accepted: str) -> Sequence[str]:
    weighted = []
    for place, part in enumerate(accepted[:200].split(",")):
        code, _, quality = part.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        weighted.append((-weight, place, code))
    return [code for weight, _, code in sorted(weighted) if weight < 0]
