"""Tells how a visit came from the address of its first page and the page before: a simple form of GA4's channel groups.

Source: "Default channel group", Google Analytics Help (support.google.com/analytics/answer/9756891).
"""

from typing import Final

CHANNELS: Final = ("email", "paid", "social", "search", "referral", "direct")

_CLICK_IDS: Final = ("gclid", "gbraid", "wbraid", "msclkid", "dclid", "ttclid")
"""Parameters that ad networks add to paid clicks."""
_TAGS: Final = ("utm_", *_CLICK_IDS)
_PAID: Final = ("cpc", "ppc", "cpm", "paid", "display", "banner", "retargeting", "shopping")
_SOCIAL: Final = (
    "facebook", "instagram", "tiktok", "pinterest", "linkedin", "twitter", "reddit", "snapchat", "youtube", "whatsapp",
    "threads", "t.co", "x.com", "l.fb", "lnkd.in", "pin.it",
)  # fmt: skip
_SEARCH: Final = (
    "google", "bing", "duckduckgo", "yahoo", "ecosia", "baidu", "yandex", "startpage", "qwant", "brave",
)  # fmt: skip


def channel_of(location: str | None, referrer: str | None, *, begins: bool) -> str | None:
    """Return the channel by which a visit came; None where a click does not tell it.

    A campaign's parameters in `location` count first, then a `referrer` from another host. The beginning of a visit
    (`begins`) that has an address and neither of them came directly.

    >>> channel_of("https://shop.example/?utm_source=news&utm_medium=email", None, begins=False)
    'email'
    >>> channel_of("https://shop.example/shoes", "https://www.google.nl/", begins=True)
    'search'
    >>> channel_of("https://shop.example/shoes", "https://shop.example/", begins=False) is None
    True
    """
    if location and "?" in location and any(tag in location for tag in _TAGS):
        tagged = _of_campaign(_parameters(location))
        if tagged is not None:
            return tagged
    host, own = _host(referrer), _host(location)
    if host and host != own:
        return _of_host(host)
    return "direct" if begins and own and not host else None


def _of_campaign(given: dict[str, str]) -> str | None:
    medium, source = given.get("utm_medium", ""), given.get("utm_source", "")
    if "mail" in medium or "newsletter" in source or "newsletter" in medium:
        return "email"
    if any(name in given for name in _CLICK_IDS) or any(name in medium for name in _PAID):
        return "paid"
    if "social" in medium or _is_one_of(source, _SOCIAL):
        return "social"
    if medium == "organic" or (not medium and _is_one_of(source, _SEARCH)):
        return "search"
    return "referral" if medium or source else None


def _of_host(host: str) -> str:
    if _is_one_of(host, _SOCIAL):
        return "social"
    return "search" if _is_one_of(host, _SEARCH) else "referral"


def _is_one_of(name: str, known: tuple[str, ...]) -> bool:
    labels = name.split(".")
    return any(name == one or name.endswith(f".{one}") if "." in one else one in labels for one in known)


def _parameters(location: str) -> dict[str, str]:
    query = location.partition("?")[2].partition("#")[0].casefold()
    return {name: value for name, _, value in (part.partition("=") for part in query.split("&"))}


def _host(address: str | None) -> str:
    """Return the host of an address without `www.`; "" without one, as for an app's own pages."""
    if not address or "://" not in address:
        return ""
    host = address.partition("://")[2].partition("/")[0].partition("?")[0].partition(":")[0]
    return host.casefold().removeprefix("www.")
