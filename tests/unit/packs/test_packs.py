"""Packs: the shipped segmentations, and how settings choose and change them."""

from pathlib import Path

import numpy as np
import pytest

from streamseg import packs
from streamseg.clustering.encode import Scale
from streamseg.errors import SettingsError
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.features.vector import observed, told_texts, vectors
from streamseg.language import languages
from streamseg.settings import SegmentationSettings, Settings, load_settings
from streamseg.wiring.derived import derive
from tests.support.rows import NOON, Slab, profile

KINDS = (
    "behaviour", "demographic", "firmographic", "geographic", "needs", "psychographic", "technographic", "value",
)  # fmt: skip


def settings(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "s.toml").write_text(text)
    return load_settings(tmp_path / "s.toml")


def test_there_is_a_pack_for_each_kind_of_segmentation() -> None:
    assert tuple(one for one in packs.names() if packs.pack(one).rules is None) == KINDS


@pytest.mark.parametrize("name", KINDS)
def test_a_pack_is_a_valid_segmentation(name: str) -> None:
    chosen = Settings(segmentations={name: SegmentationSettings(pack=name)})
    derived = derive(chosen)
    known, features = derived.features, derived.segmentation(name).features
    assert len(set(features)) == len(features) >= 3
    brought = {feature.attribute for feature in known.values() if feature.attribute}
    used = {known[feature].attribute for feature in features}
    assert brought <= used, "a pack must not declare attributes that it does not use"
    assert packs.pack(name).about
    assert packs.pack(name).needs


def test_all_packs_fit_into_one_layout() -> None:
    all_of_them = Settings(segmentations={name: SegmentationSettings(pack=name) for name in KINDS})
    derive(all_of_them)
    assert derive(all_of_them).layout.segmentations == KINDS
    other_way_round = {name: SegmentationSettings(pack=name) for name in reversed(KINDS)}
    assert set(derive(Settings(segmentations=other_way_round)).features) == set(derive(all_of_them).features)


@pytest.mark.parametrize(
    ("chosen", "row_bytes"),
    [(("behaviour",), 448), (("value",), 448), (("demographic",), 592), (("firmographic",), 528),
     (("geographic",), 576), (("needs",), 464), (("psychographic",), 576), (("technographic",), 560), (KINDS, 1_272)],
)  # fmt: skip
def test_a_row_has_bytes_only_for_what_the_chosen_packs_use(chosen: tuple[str, ...], row_bytes: int) -> None:
    made = Settings(segmentations={name: SegmentationSettings(pack=name) for name in chosen})
    assert derive(made).layout.row_bytes == row_bytes


def test_a_pack_sets_the_brand_groups_that_it_needs_and_the_settings_can_change_them(tmp_path: Path) -> None:
    psychographic = '[segmentations.care]\npack = "psychographic"\n'
    assert derive(settings(tmp_path, psychographic)).layout.brand_groups == 8
    assert derive(settings(tmp_path, f"[features]\nbrand_groups = 32\n{psychographic}")).layout.brand_groups == 32
    assert derive(settings(tmp_path, '[segmentations.worth]\npack = "value"\n')).layout.brand_groups == 0
    with pytest.raises(SettingsError, match=r"segmentations\.care\.features: no such feature: favourite_brand_share"):
        derive(settings(tmp_path, f"[features]\nbrand_groups = 0\n{psychographic}"))


def test_settings_beside_a_pack_change_it(tmp_path: Path) -> None:
    one = settings(tmp_path, '[segmentations.worth]\npack = "value"\nk = 4\n').segmentations["worth"]
    assert (one.k, one.features) == (4, SegmentationSettings(pack="value").features)


def test_value_is_for_those_who_have_bought_and_settings_can_let_everybody_in(tmp_path: Path) -> None:
    """Issue 14, number 5: never-buyers are a group of their own by rule, not a cluster."""
    worth = '[segmentations.worth]\npack = "value"\n'
    assert {name: str(rule) for name, rule in derive(settings(tmp_path, worth)).populations.items()} == {
        "worth": "transactions >= 1"
    }
    assert derive(settings(tmp_path, f'{worth}population = ""\n')).populations == {}


def test_a_rule_over_an_unknown_feature_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    wrong = settings(tmp_path, '[segmentations.worth]\npack = "value"\npopulation = "transaction >= 1"\n')
    with pytest.raises(SettingsError) as raised:
        derive(wrong)
    assert str(raised.value) == (
        "setting segmentations.worth.population: there is no feature transaction; did you mean transactions?"
    )


def test_the_environment_can_choose_a_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_SEGMENTATIONS__NEEDS__PACK", "needs")
    monkeypatch.setenv("STREAMSEG_SEGMENTATIONS__NEEDS__K", "3")
    assert load_settings().segmentations["needs"].k == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[segmentations.a]\npack = "astrologic"\n', "no pack astrologic: choose one of behaviour, demographic"),
        ("[segmentations.a]\nk = 3\n", "needs features, rules, or a pack"),
        ('[segmentations.a]\npack = "value"\nclusterer = "denstream"\n', "denstream is refused: in river"),
        ("[features.attributes.age]\nvalues = ['old']\ntypical = 3\n", "typical and skewed are for numbers"),
    ],
)
def test_a_wrong_choice_is_reported_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        settings(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_pattern_selects_the_features_that_the_settings_define(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path,
        """
        [features]
        categories = ["Shoes", "Socks"]
        attributes.gender.values = ["f", "m"]
        [segmentations.tastes]
        features = ["category_*", "profile_gender_*", "spend"]
        """,
    )
    assert derive(chosen).segmentation("tastes").features == (
        "category_shoes", "category_socks", "category_other", "profile_gender_f", "profile_gender_m", "spend",
    )  # fmt: skip


def test_settings_change_the_attributes_of_a_pack(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path, '[features.attributes.age]\ntypical = 20\n[segmentations.demographic]\npack = "demographic"\n'
    )
    assert chosen.attributes["age"].typical == 20
    assert chosen.attributes["gender"].values == ("female", "male", "other")


@pytest.mark.parametrize(
    ("pack", "attribute", "compared"),
    [
        ("demographic", 'age]\nvalues = ["19-24", "25-34"]', ("profile_age_19_24", "profile_age_25_34")),
        ("demographic", "birth_year]", ("profile_birth_year",)),
        ("geographic", 'country]\nvalues = ["GB", "EIRE"]', ("profile_country_gb", "profile_country_eire")),
        ("geographic", 'country]\nvalues = ["BE"]\ngroup_as = "culture"\ngroups = { low = ["BE"] }',
         ("profile_country_be", "profile_culture_low")),
    ],
)  # fmt: skip
def test_a_pack_compares_its_attribute_as_the_shop_declares_it(
    tmp_path: Path, pack: str, attribute: str, compared: tuple[str, ...]
) -> None:
    """Age in bands, or zones of culture instead of climate, stopped the start: "no such feature"."""
    chosen = settings(tmp_path, f'[segmentations.a]\npack = "{pack}"\n[features.attributes.{attribute}\n')
    trait = attribute.partition("]")[0]
    features = derive(chosen).features_of("a")
    assert tuple(one.name for one in features if one.attribute == trait) == compared


def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"segmentations\.a\.features: no such feature: profile_"):
        derive(settings(tmp_path, "[segmentations.a]\nfeatures = ['profile_*']\n"))


@pytest.mark.parametrize(
    "attributes",
    [
        (Attribute("shoe size"), Attribute("Shoe-Size")),
        (Attribute("?"),),
        (Attribute("colour", ("red", "RED")),),
    ],
)
def test_attributes_must_give_different_feature_names(attributes: tuple[Attribute, ...]) -> None:
    with pytest.raises(SettingsError, match=r"features\.attributes"):
        Layout.of(attributes=attributes)


def test_a_category_weighs_like_one_number_for_any_number_of_values() -> None:
    rng = np.random.default_rng(3)
    codes = rng.choice(4, size=5_000, p=[0.6, 0.3, 0.09, 0.01])
    rows = np.column_stack([rng.normal(50, 12, size=5_000), *(codes == code for code in range(4))])
    scale = Scale.of(rows.mean(axis=0).tolist(), rows.var(axis=0).tolist(), ["", *["colour"] * 4])
    spread = scale.apply(rows).var(axis=0)
    assert spread[0] == pytest.approx(1)
    assert spread[1:].sum() == pytest.approx(1)
    alone = Scale.of(rows.mean(axis=0).tolist(), rows.var(axis=0).tolist()).apply(rows)
    assert alone.var(axis=0)[1:].sum() == pytest.approx(4)


def test_a_missing_category_is_nearer_to_each_value_than_two_values_are_to_each_other() -> None:
    rows = np.vstack([np.eye(3), np.zeros(3)])
    scaled = Scale.of(rows.mean(axis=0).tolist(), rows.var(axis=0).tolist(), ["c"] * 3).apply(rows)
    to_missing = np.linalg.norm(scaled[:3] - scaled[3], axis=1)
    assert to_missing == pytest.approx([to_missing[0]] * 3)
    assert to_missing[0] * 2**0.5 == pytest.approx(float(np.linalg.norm(scaled[0] - scaled[1])))


def test_the_demographic_pack_tells_the_generation_from_the_year_of_birth() -> None:
    """Issue 14, number 5."""
    slab = Slab(derive(Settings(segmentations={"who": SegmentationSettings(pack="demographic")})).layout)
    slab.feed([profile(NOON, birth_year=1984, education="Master", marital_status="married", occupation="retired")])
    found = dict(zip(catalogue(slab.rows.layout), observed(slab.rows, slab.all[:1], NOON)[0].tolist(), strict=True))
    generation = {name.removeprefix("profile_generation_"): v for name, v in found.items() if "_generation_" in name}
    assert generation == {
        "born_before_1946": 0, "baby_boomers": 0, "generation_x": 0, "millennials": 1, "generation_z": 0,
    }  # fmt: skip
    assert found["profile_education_master"] == found["profile_marital_status_married"] == 1
    assert found["profile_occupation_retired"] == 1
    assert np.isnan(found["profile_age"])


def test_a_shop_replaces_the_table_of_zones(tmp_path: Path) -> None:
    """Issue 14, number 5: climate or culture zone by a table the shop can replace."""
    shipped = derive(settings(tmp_path, '[segmentations.place]\npack = "geographic"\n')).features
    assert shipped["profile_climate_zone_northern"].meaning == "country is one of DK, FI, NO, SE"
    ours = """
        [segmentations.place]
        pack = "geographic"
        features = ["profile_culture_*"]
        [features.attributes.country]
        values = ["NL", "BE", "DE"]
        group_as = "culture"
        groups = { low = ["NL", "BE"], german = ["DE"] }
    """
    assert derive(settings(tmp_path, ours)).segmentation("place").features == (
        "profile_culture_low",
        "profile_culture_german",
    )


def test_places_are_found_in_the_data_and_a_shop_groups_them_by_a_table_of_its_own(tmp_path: Path) -> None:
    """Issue 14, number 5: region, city and postcode area, without a list of them."""
    chosen = derive(settings(tmp_path, '[segmentations.place]\npack = "geographic"\n'))
    slab = Slab(chosen.layout)
    slab.feed([profile(NOON, country="NL", region="Utrecht", city="Amersfoort", postcode="3811 AA")])
    assert told_texts(slab.rows, slab.all) == [{"region": "utrecht", "city": "amersfoort", "postcode": "38"}]
    features = chosen.segmentation("place").features
    found = dict(zip(features, vectors(slab.rows, slab.all, NOON, features)[0].tolist(), strict=True))
    for name in ("region", "city", "postcode"):
        assert sum(value for one, value in found.items() if one.startswith(f"profile_{name}_in_group_")) == 1
    ours = """
        [segmentations.place]
        pack = "geographic"
        features = ["profile_delivery_*"]
        [features.attributes.postcode]
        found = 12
        group_as = "delivery"
        groups = { "next day" = ["38", "10"], later = ["9"] }
    """
    assert derive(settings(tmp_path, ours)).segmentation("place").features == (
        "profile_delivery_next_day", "profile_delivery_later",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("{ values = ['NL'], group_as = 'zone', groups = { a = ['SE'] } }", "groups has SE, which is not in values"),
        ("{ group_as = 'zone' }", "group_as needs groups or bands"),
        ("{ values = ['NL'], group_as = 'zone', bands = { a = [1, 2] } }", "bands are for numbers"),
        ("{ values = ['NL'], found = 8 }", "values are listed or found, not both"),
        ("{ found = 8, typical = 3 }", "typical and skewed are for numbers"),
        ("{ found = 8, first = 19 }", "must be at most 18"),
    ],
)
def test_a_wrong_table_of_groups_is_refused(tmp_path: Path, attribute: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings(tmp_path, f"[features.attributes]\nplace = {attribute}\n")


def test_groups_must_not_have_the_name_of_an_attribute() -> None:
    grouped = Attribute("country", ("NL",), group_as="zone", groups=(("low", ("NL",)),))
    with pytest.raises(SettingsError, match="group_as"):
        Layout.of(attributes=(grouped, Attribute("zone")))


def test_groups_do_not_change_what_a_row_holds() -> None:
    plain, grouped = Attribute("year"), Attribute("year", group_as="age", bands=(("old", 1900, 1950),))
    assert Layout.of(attributes=(plain,)).fingerprint == Layout.of(attributes=(grouped,)).fingerprint


@pytest.mark.parametrize("name", [one for one in packs.names() if packs.pack(one).rules is not None])
def test_a_declared_pack_says_everything_in_each_language_and_needs_no_other_setting(name: str) -> None:
    derived = derive(Settings(segmentations={name: SegmentationSettings(pack=name)}))
    assert derived.learner_params == ()
    assert {one.name: one.declared for one in derived.segmentations} == {name: True}
    for one in derived.declared[name].segment:
        assert set(one.name) == set(one.description) == set(languages())
    assert derived.declared[name].segment[-1].rule is None, "everybody is in one of them"
    with pytest.raises(SettingsError, match=f"{name} has rules: no segments of it are learned"):
        derived.features_of(name)


def test_a_row_has_96_bytes_more_with_both_declared_packs() -> None:
    with_both = Settings(segmentations={one: SegmentationSettings(pack=one) for one in ("value", "status", "journey")})
    alone = Settings(segmentations={"value": SegmentationSettings(pack="value")})
    assert derive(with_both).layout.row_bytes - derive(alone).layout.row_bytes == 96
