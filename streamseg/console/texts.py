"""Texts, numbers and shares in the language of the reader."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from streamseg.language import messages

FOLDER: Final = "console"


class Texts:
    """The messages of the console in one language, and numbers written as its readers write them."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._tables = messages(language, FOLDER)
        self._form = messages(language)["form"]

    def __call__(self, key: str, **facts: object) -> str:
        """Return a message by "table.key"; a number `count` chooses between `one` and `other`."""
        table, _, name = key.partition(".")
        text: Any = self._tables[table][name]
        if not isinstance(text, str):
            text = text["one" if facts.get("count") == 1 else "other"]
        given = {name: self.number(one) if isinstance(one, (int, float)) else one for name, one in facts.items()}
        return str(text).format(**given)

    def table(self, name: str) -> Mapping[str, Any]:
        """Return all messages of a table, for a script of the page."""
        found: Mapping[str, Any] = self._tables[name]
        return found

    def number(self, value: float, places: int = 0) -> str:
        """Write a number."""
        text = f"{value:,.{places}f}"
        return text.translate({ord(","): str(self._form["thousands"]), ord("."): str(self._form["decimal"])})

    def signed(self, value: int) -> str:
        """Write a change, with its sign."""
        return f"+{self.number(value)}" if value > 0 else f"\u2212{self.number(-value)}" if value < 0 else "0"

    def percent(self, share: float | None, places: int = 0) -> str:
        """Write a share (0-1) in per cent."""
        return "\u2013" if share is None else str(self._form["percent"]).format(self.number(100 * share, places))


@cache
def texts(language: str) -> Texts:
    """Return the texts of a language."""
    return Texts(language)
