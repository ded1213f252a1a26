"""Short texts in rows: the letters come back, the latest wins, and hash groups are even."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.features.layout import Attribute, Layout
from streamseg.features.vector import observed, told_texts, vectors
from streamseg.features.words.texts import ALPHABET, LETTERS, begins, codes, group, shown, text_of
from tests.support.rows import NOON, Slab, erasure, profile

CITY = Attribute("city", found=12)
POSTCODE = Attribute("postcode", found=8, first=2, group_as="part", groups=(("west", ("1", "2")), ("east", ("7",))))
LAYOUT = Layout.of(attributes=(CITY, POSTCODE))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Den  HAAG ", "den haag"),
        ("Malmö", "malmö"),
        ("Łódź", "łodz"),
        ("São Paulo", "sao paulo"),
        ("'s-Gravenhage", "'s-gravenhage"),
        ("Llanfairpwllgwyngyllgogerychwyrndrobwll", "llanfairpwllgwyngy"),
        ("Москва", None),
        ("  ", None),
    ],
)
def test_the_letters_of_a_text_are_kept(given: str, kept: str | None) -> None:
    numbers = codes(given)
    assert (None if numbers is None else text_of(numbers)) == kept


@settings(max_examples=200)
@given(text=st.text(ALPHABET.replace(" ", ""), min_size=1, max_size=LETTERS))
def test_every_text_comes_back_from_its_numbers_exactly(text: str) -> None:
    numbers = codes(text)
    assert numbers is not None
    assert text_of(numbers) == text
    assert all(float(int(number)) == number < 2**53 for number in numbers)


def test_hash_groups_are_even_and_the_same_in_every_process() -> None:
    numbers = np.array([codes(f"city {n}") for n in range(4_000)])
    sizes = np.bincount(group(numbers, 8).astype(int), minlength=8)
    assert sizes.min() > 400
    assert group(np.array([codes("amsterdam"), codes("utrecht")]), 12).tolist() == [1, 10]
    assert np.isnan(group(np.array([[np.nan, np.nan]]), 12)).all()


def test_a_text_begins_with_letters() -> None:
    numbers = np.array([codes(one) for one in ("1012", "10", "1", "2012", "aa")])
    assert begins(numbers, "10").tolist() == [True, True, False, False, False]
    assert begins(numbers, "1").tolist() == [True, True, True, False, False]


def test_a_profile_tells_a_city_and_the_area_of_a_postcode() -> None:
    slab = Slab(LAYOUT)
    assert slab.feed([profile(NOON, city=" Utrecht ", postcode=1012.0)]).adjusted == 1, "a number read as text"
    assert told_texts(slab.rows, slab.all) == [{"city": "utrecht", "postcode": "10"}]
    names = ["profile_city_in_group_11_of_12", "profile_part_west", "profile_part_east"]
    assert vectors(slab.rows, slab.all, NOON, names).tolist() == [[1.0, 1.0, 0.0]]
    slab.feed([profile(NOON + 1, city=None)])
    assert told_texts(slab.rows, slab.all) == [{"postcode": "10"}]
    assert np.isnan(observed(slab.rows, slab.all, NOON, names[:1])).all()
    assert vectors(slab.rows, slab.all, NOON, names[:1]).tolist() == [[0.0]]


TOLD = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from(["Kristiansand", "Kristiansund", "Amsterdam-Zuid", None])
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(told=TOLD, order=st.randoms(use_true_random=False), cut=st.integers(0, 6))
def test_the_latest_city_wins_in_any_order_and_batching(
    told: list[tuple[float, str | None]], order: object, cut: int
) -> None:
    """Two cities of one moment must not mix: they have their first nine letters in common."""
    events = [profile(NOON + at, city=city) for at, city in told]
    first, second = Slab(LAYOUT), Slab(LAYOUT)
    for one in events:
        first.feed([one])
    order.shuffle(events)  # type: ignore[attr-defined]  # random.Random
    for batch in (events[:cut], events[cut:]):
        if batch:
            second.feed(batch)
    found = told_texts(first.rows, first.all)
    assert found == told_texts(second.rows, second.all)
    assert found[0].get("city") in {None, *(city.lower() for _, city in told if city)}
    assert np.array_equal(first.rows.attributes[:1], second.rows.attributes[:1], equal_nan=True)


def test_a_row_says_how_many_letters_it_keeps() -> None:
    longer = Layout.of(attributes=(CITY, Attribute("postcode", found=8, first=4)))
    regrouped = Layout.of(attributes=(Attribute("city", found=20), POSTCODE))
    assert longer.fingerprint != LAYOUT.fingerprint
    assert regrouped.fingerprint == LAYOUT.fingerprint, "hash groups are of vectors only"
    assert LAYOUT.row_bytes - Layout.of().row_bytes == 3 * 16


def test_names_are_shown_as_people_write_them() -> None:
    assert [shown(one) for one in ("den haag", "10", "sw")] == ["Den Haag", "10", "SW"]


def test_an_erasure_takes_the_texts_away() -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON, city="Utrecht", postcode="1012")])
    slab.feed([erasure(NOON + 1)])
    assert told_texts(slab.rows, slab.all) == [{}]
    assert not any(np.isfinite(slab.rows.attributes[0]))
