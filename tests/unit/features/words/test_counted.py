"""What clicks tell in words: shares by channel, browser, platform and group of search words."""

import numpy as np
import pytest

from streamseg.features.layout import Layout
from streamseg.features.relayout import encoded_settings, setting_differences
from streamseg.features.vector import observed, vectors
from streamseg.settings import FeatureSettings, SegmentationSettings, Settings
from streamseg.wiring.derived import derive
from tests.support.rows import NOON, Slab, click

GROUPS = {"Gift": ("gift*", "cadeau"), "fast": ("same day", "Express")}
LAYOUT = Layout.of(counted=("channel", "browser", "platform"), search_groups=GROUPS)


def found(slab: Slab, *names: str) -> list[float | None]:
    values = observed(slab.rows, slab.all[:1], NOON, names)[0].tolist()
    return [None if np.isnan(value) else round(value, 3) for value in values]


def test_shares_are_of_the_clicks_that_tell() -> None:
    slab = Slab(LAYOUT)
    slab.feed(
        [
            click(NOON, "session_start", page_location="https://a.example/?utm_medium=email", browser="Chrome Mobile"),
            click(NOON, "session_start", page_location="https://a.example/", browser="Mobile Safari", platform="IOS"),
            click(NOON, "view_item", page_location="https://a.example/b", page_referrer="https://a.example/"),
            click(NOON, "view_item", browser="Safari", platform="tv"),
        ]
    )
    assert found(slab, "channel_email_share", "channel_direct_share", "channel_paid_share") == [0.5, 0.5, 0.0]
    assert found(slab, "browser_chrome_share", "browser_safari_share") == [0.333, 0.667]
    assert found(slab, "platform_app_share", "platform_web_share") == [1.0, 0.0]
    assert found(slab, "search_gift_share") == [None], "no search, so nothing is known"


@pytest.mark.parametrize(
    ("term", "groups"),
    [
        ("Gifts for dad", (1.0, 0.0)),
        ("giftbox EXPRESS", (1.0, 1.0)),
        ("regift", (0.0, 0.0)),
        ("cadeaubon", (0.0, 0.0)),
        ("delivery the same day", (0.0, 1.0)),
        ("expresso", (0.0, 0.0)),
    ],
)
def test_a_search_is_of_the_groups_whose_words_it_has(term: str, groups: tuple[float, float]) -> None:
    slab = Slab(LAYOUT)
    slab.feed([click(NOON, "search", search_term=term)])
    assert tuple(found(slab, "search_gift_share", "search_fast_share")) == groups


def test_a_search_without_a_term_tells_nothing_and_few_searches_make_no_extreme_value() -> None:
    slab = Slab(LAYOUT)
    slab.feed([click(NOON, "search"), click(NOON, "search", search_term="gift")])
    assert found(slab, "search_gift_share") == [1.0]
    (value,) = vectors(slab.rows, slab.all, NOON, ["search_gift_share"])[0]
    assert 0.1 < value < 0.5


def test_rows_take_the_bytes_only_where_it_is_asked_for() -> None:
    plain = Layout.of()
    assert plain.counted == ()
    for chosen, more in ((("channel",), 28), (("browser",), 28), (("platform",), 12)):
        wider = len(Layout.of(counted=chosen).aggregates) - len(plain.aggregates)
        assert 4 * wider == more
    assert 4 * (len(Layout.of(search_groups=GROUPS).aggregates) - len(plain.aggregates)) == 12
    other_words = Layout.of(counted=("channel", "browser", "platform"), search_groups=GROUPS | {"fast": ("today",)})
    assert other_words.fingerprint != LAYOUT.fingerprint, "other words count something else"


def test_rows_of_an_earlier_release_name_the_setting_that_differs() -> None:
    stored = encoded_settings(Layout.of()).replace(b'"features.counted":[],', b"")
    assert b"counted" not in stored
    assert setting_differences(Layout.of(counted=("channel",)), stored) == {"features.counted": ([], ["channel"])}
    assert setting_differences(Layout.of(), stored) == {}
    assert list(setting_differences(LAYOUT, encoded_settings(Layout.of(search_groups=GROUPS)))) == ["features.counted"]


def test_packs_ask_for_what_they_need_and_settings_decide() -> None:
    both = {name: SegmentationSettings(pack=name) for name in ("technographic", "needs")}
    layout = derive(Settings(segmentations=both)).layout
    assert [one.kind for one in layout.counted] == ["channel", "browser", "platform", "search"]
    assert layout.counted[-1].parts == ("gift", "urgent", "problem", "price")
    own = FeatureSettings(counted=("platform",), search_groups={"pets": ("dog*", "cat*")})
    needs = {"needs": SegmentationSettings(pack="needs")}
    chosen = derive(Settings(segmentations=needs, features=own))
    assert [(one.kind, one.parts) for one in chosen.layout.counted] == [
        ("platform", ("app", "web")), ("search", ("pets",)),
    ]  # fmt: skip
    assert "search_pets_share" in chosen.segmentation("needs").features
