"""Reads countries as people write them: "EIRE", "the Netherlands", "nl-NL" and "NLD" are ISO 3166-1 alpha-2 codes here.

The spellings in `countries.tsv` are the names of Unicode's CLDR, as Babel 2.19.0 has them, in thirteen languages and in
those of each country, the codes of three letters, and what shops write besides. A name of two countries is in none.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}[-_]([A-Za-z]{2})")


def country_of(text: str) -> str | None:
    """Return the code of the country that a text names; None if it is not known.

    >>> country_of("United Kingdom"), country_of("EIRE"), country_of("nl-NL"), country_of("Unspecified")
    ('GB', 'IE', 'NL', None)
    """
    locale = _LOCALE.fullmatch(text.strip())
    return _codes().get(folded(locale[1] if locale else text))


def folded(text: str) -> str:
    """Return a name without case, accents, spaces and signs."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", "", "".join(one for one in plain if not unicodedata.combining(one)))


@cache
def _codes() -> Mapping[str, str]:
    lines = (files(__package__) / "countries.tsv").read_text("utf-8").splitlines()
    return {
        name: code
        for code, _, names in (line.partition("\t") for line in lines)
        for name in (code.lower(), *names.split())
    }
