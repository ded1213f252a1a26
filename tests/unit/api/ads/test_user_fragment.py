"""The OpenRTB fragment has a bounded size, and only IAB ids that exist."""

import pytest

from streamseg.api.ads.iab_taxonomy import audience_ids
from streamseg.api.ads.user_fragment import checked_audiences, user_fragment
from streamseg.errors import SettingsError


def test_a_fragment_has_at_most_32_segments() -> None:
    many = [f"audience-{n}" for n in range(100)]
    made = user_fragment(many, "p", {}, {segment: (str(n + 60),) for n, segment in enumerate(many)})
    assert [len(data["segment"]) for data in made["user"]["data"]] == [32, 32]
    assert len(made["key_values"]["ssg"]) == 32


def test_only_ids_that_mean_something_by_themselves_are_usable() -> None:
    ids = audience_ids()
    assert len(ids) == 1_558 - 6
    assert {"1", "54", "60", "197", "206", "752", "942", "1508", "1538", "1679"} <= ids
    assert not {"158", "198", "205", "349", "405", "552", "605", "1450", "1545", "1584"} & ids


@pytest.mark.parametrize("wrong", ["0", "1680", "55", "158", "198", "1545", "942|PIPV", "abc", "", "-1", "\u0664"])
def test_an_unknown_iab_id_is_refused_with_the_setting(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"iab_audiences\.behaviour-k7q2"):
        checked_audiences({"behaviour-k7q2": (wrong,)})
