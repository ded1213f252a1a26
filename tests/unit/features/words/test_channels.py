"""How a visit came: campaigns first, then the page before, and nothing where a click does not tell."""

import pytest

from streamseg.features.words.channels import CHANNELS, channel_of

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("location", "referrer", "channel"),
    [
        (f"{SHOP}/?utm_source=klaviyo&utm_medium=Email&utm_campaign=x", None, "email"),
        (f"{SHOP}/?utm_source=newsletter", "https://mail.google.com/", "email"),
        (f"{SHOP}/?utm_source=google&utm_medium=cpc", "https://www.google.com/", "paid"),
        (f"{SHOP}/?gclid=abc", "https://www.google.com/", "paid"),
        (f"{SHOP}/?utm_source=instagram&utm_medium=paid_social", None, "paid"),
        (f"{SHOP}/?utm_source=instagram&utm_medium=social", None, "social"),
        (f"{SHOP}/?utm_source=facebook.com", None, "social"),
        (f"{SHOP}/?utm_medium=organic", None, "search"),
        (f"{SHOP}/?utm_source=partner&utm_medium=affiliate", None, "referral"),
        (f"{SHOP}/?utm_campaign=x", "https://duckduckgo.com", "search"),
        (f"{SHOP}/?colour=red#gclid", "https://t.co/abc", "social"),
        (f"{SHOP}/", "https://l.facebook.com/l.php", "social"),
        (f"{SHOP}/", "https://notx.com/", "referral"),
        (f"{SHOP}/", "https://www.google.co.uk:443/search?q=shoes", "search"),
        (None, "https://blog.example/review", "referral"),
        (f"{SHOP}/", f"{SHOP}/shoes", None),
        (f"{SHOP}/", f"https://www.{SHOP.removeprefix('https://')}/shoes", None),
        (f"{SHOP}/", None, None),
        (None, None, None),
        ("?", "", None),
        ("https://[::1/?utm_medium=email", "http://", "email"),
    ],
)
def test_the_channel_of_a_visit(location: str | None, referrer: str | None, channel: str | None) -> None:
    assert channel_of(location, referrer, begins=False) == channel
    assert channel is None or channel in CHANNELS


@pytest.mark.parametrize(
    ("location", "referrer", "channel"),
    [(f"{SHOP}/", None, "direct"), (f"{SHOP}/", "", "direct"), (None, None, None), (f"{SHOP}/", f"{SHOP}/a", None)],
)
def test_a_visit_is_direct_only_where_its_first_page_is_told_and_none_before(
    location: str | None, referrer: str | None, channel: str | None
) -> None:
    assert channel_of(location, referrer, begins=True) == channel
