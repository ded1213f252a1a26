"""Brings e-mail addresses and phone numbers into the forms that ad platforms hash, so that hashes made elsewhere match.

The platforms do not agree, so each identifier has two forms, which are mostly equal:

- Google (Data Manager API, "Format user data":
  https://developers.google.com/data-manager/api/devguides/concepts/formatting):
  an e-mail address without white space and in lower case; at gmail.com and googlemail.com also without the dots before
  the @, and without a plus sign and what follows it. A phone number in E.164: +18005550100.
- Meta (Conversions API, "Customer information parameters":
  https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/customer-information-parameters):
  an e-mail address trimmed and in lower case, dots and plus sign kept. A phone number as digits with the country code,
  without symbols and leading zeros: 18005550100.
"""

import re
from typing import Final, Literal, NamedTuple

IdentifierKind = Literal["email", "phone"]
KINDS: Final[tuple[IdentifierKind, ...]] = ("email", "phone")
"""Kinds of identifiers; profiles tell them in traits of these names."""


class Forms(NamedTuple):
    """The two normal forms of an identifier."""

    google: str
    meta: str


FORMS: Final = len(Forms._fields)

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST_EMAIL: Final = 254
_WITHOUT_DOTS: Final = frozenset({"gmail.com", "googlemail.com"})
_PHONE: Final = re.compile(r"(\+|00)?[0-9]+")
_BETWEEN: Final = re.compile(r"[\s.()/\-\u2010-\u2015]+")
_TRUNK_IN_BRACKETS: Final = re.compile(r"\(0\)")
_DIGITS: Final = range(7, 16)
"""Digits of a number in E.164, with the country code: ITU-T allows 15, and none has fewer than 7."""
_TRUNK: Final = {
    "1": "1", "7": "8", "36": "06", "375": "80", "993": "8",
    "39": "", "225": "", "229": "", "241": "", "242": "", "378": "", "379": "",
}  # fmt: skip
"""What comes before a number inside of a country and is left out in E.164, by country code, where that is not "0".
In Italy and some others the 0 belongs to the number."""
_SHORTEST: Final = {"7": 10, "39": 9}
"""Digits that must follow a country code without a plus sign to be taken for one, where that is not 8."""


def normal_forms(kind: IdentifierKind, text: str, country_code: str) -> Forms | None:
    """Return the normal forms of an identifier; None if the text is none.

    Args:
        kind: what it is.
        text: as it was written.
        country_code: digits before phone numbers that are written without a country code, such as "31"; empty: these
            are no identifiers.

    >>> normal_forms("email", " Cloudy.SanFrancisco+shopping@gmail.com", "")
    Forms(google='cloudysanfrancisco@gmail.com', meta='cloudy.sanfrancisco+shopping@gmail.com')
    >>> normal_forms("phone", "06 - 12 34 56 78", "31")
    Forms(google='+31612345678', meta='31612345678')
    """
    return _email(text) if kind == "email" else _phone(text, country_code)


def _email(text: str) -> Forms | None:
    plain = "".join(text.split()).lower()
    if len(plain) > _LONGEST_EMAIL or not _EMAIL.fullmatch(plain):
        return None
    local, _, domain = plain.partition("@")
    if domain not in _WITHOUT_DOTS:
        return Forms(plain, plain)
    shortened = local.partition("+")[0].replace(".", "")
    return Forms(f"{shortened}@{domain}", plain) if shortened else None


def _phone(text: str, country_code: str) -> Forms | None:
    written = text.strip()
    dialled = _BETWEEN.sub("", _TRUNK_IN_BRACKETS.sub("", written) if written.startswith(("+", "00")) else written)
    if not dialled.isascii() or not (found := _PHONE.fullmatch(dialled)):
        return None
    digits = dialled.removeprefix(found[1] or "")
    if not found[1]:
        if not country_code:
            return None
        digits = _with_country(digits, country_code)
    if len(digits) not in _DIGITS or digits.startswith("0"):
        return None
    return Forms(f"+{digits}", digits)


def _with_country(digits: str, country_code: str) -> str:
    """Return a number that is written without a plus sign with its country code.

    Some write the code without the plus sign, and spreadsheets drop leading zeros: so a number that begins with the
    code, and not with what comes before numbers inside of the country, has the code already if it is long enough.
    """
    trunk = _TRUNK.get(country_code, "0")
    national = digits.removeprefix(trunk)
    if trunk and len(national) < len(digits) and trunk != country_code:
        return country_code + national
    rest = digits.removeprefix(country_code)
    if len(rest) < len(digits) and len(rest) >= _SHORTEST.get(country_code, 8):
        return digits
    return country_code + digits
