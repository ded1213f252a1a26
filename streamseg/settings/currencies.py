"""The currencies in use, by their codes in ISO 4217."""

from typing import Final

from streamseg.nearest_names import did_you_mean

IN_USE: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
WITHDRAWN: Final = "ANG CUC DEM ESP FRF HRK ITL NLG SLL VEF ZWL"
"""Codes of the past that shops' histories still have."""
CURRENCIES: Final = frozenset(f"{IN_USE} {WITHDRAWN}".split())
"""Without funds, metals and the codes for tests and for no currency (XTS, XXX)."""
_ALIKE: Final = 0.9
"""Codes are short: most of them are alike by less."""


def check_currency(code: str) -> str:
    """Return the code. Raises `ValueError` unless it is that of a currency."""
    if code not in CURRENCIES:
        hint = did_you_mean(code, CURRENCIES, ": use a code of ISO 4217 such as EUR", _ALIKE)
        raise ValueError(f"{code!r} is no currency{hint}")
    return code
