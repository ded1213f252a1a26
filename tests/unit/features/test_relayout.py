"""Rows are converted between layouts that differ in segmentations; rows of other layouts are refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.errors import LayoutMismatchError
from streamseg.features.fields import FIELDS
from streamseg.features.layout import Attribute, Layout
from streamseg.features.relayout import encoded_settings, row_settings, setting_differences, with_readable
from streamseg.features.rows import Rows

SETTLED = [field.name for field in FIELDS if field.of == "segmentation"]
NAMES = ("behaviour", "value", "tastes", "ages")
some_names = st.lists(st.sampled_from(NAMES), unique=True, min_size=1).map(tuple)


def with_(*names: str, **others: Any) -> Layout:
    return Layout.of(segmentations=names, categories=("shoes",), attributes=(Attribute("age"),), **others)


def known(*layouts: Layout) -> dict[str, bytes]:
    return {one.fingerprint: encoded_settings(one) for one in layouts}


def stored(layout: Layout, count: int = 3) -> list[bytes]:
    """Return rows with a different number for each field, row and segmentation."""
    rows = Rows(layout)
    slots = rows.load([f"c-{n}" for n in range(count)], [None] * count)
    for f, field in enumerate(FIELDS):
        shape = rows.slab[field.name][slots].shape
        rows.slab[field.name][slots] = (np.arange(np.prod(shape)).reshape(shape) + f) % 100
    for name in SETTLED:
        for s, segmentation in enumerate(layout.segmentations):
            rows.slab[name][slots, s] = 1 + NAMES.index(segmentation) + np.arange(count) * 10
    return rows.dump(slots)


def read(layout: Layout, rows: list[bytes]) -> Rows:
    read_ = Rows(layout)
    read_.load([f"c-{n}" for n in range(len(rows))], rows)
    return read_


@given(before=some_names, after=some_names)
def test_settled_state_stays_with_its_segmentation_and_other_fields_do_not_change(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    old, new = with_(*before), with_(*after)
    rows = stored(old)
    was, now = read(old, rows), read(with_readable(new, known(old)), rows)
    slots = np.arange(len(rows))
    for field in FIELDS:
        if field.of != "segmentation":
            np.testing.assert_array_equal(now.slab[field.name][slots], was.slab[field.name][slots])
    for s, name in enumerate(after):
        expected = was.segment[slots, before.index(name)] if name in before else np.zeros(len(rows))
        np.testing.assert_array_equal(now.segment[slots, s], expected)
        for settled in SETTLED:
            kept = was.slab[settled][slots, before.index(name)] if name in before else np.zeros(len(rows))
            np.testing.assert_array_equal(now.slab[settled][slots, s], kept)


def test_rows_of_several_layouts_are_read_together_and_written_in_one_layout() -> None:
    first, second, third = with_("behaviour"), with_("behaviour", "value"), with_("value", "tastes", "behaviour")
    layout = with_readable(third, known(first, second, third))
    rows = [stored(first)[0], stored(third)[1], stored(second)[2]]
    now = read(layout, rows)
    assert now.segment[:3].tolist() == [[0, 0, 1], [12, 13, 11], [22, 0, 21]]
    assert read(third, now.dump(np.arange(3))).segment[:3].tolist() == now.segment[:3].tolist()
    assert layout.fingerprint == third.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        with_("behaviour", half_life_days=31),
        Layout.of(segmentations=("behaviour",), attributes=(Attribute("age"),)),
        Layout.of(segmentations=("behaviour",), categories=("shoes",)),
        with_("behaviour", currency="SEK"),
    ],
)
def test_rows_with_other_sums_or_attributes_are_refused(other: Layout) -> None:
    layout = with_readable(with_("behaviour", "value"), known(other))
    assert (layout.earlier, other.fingerprint in layout.readable) == ((), False)
    with pytest.raises(LayoutMismatchError, match="streamseg rebuild"):
        read(layout, stored(other))


def test_a_damaged_row_of_an_earlier_layout_is_refused() -> None:
    old = with_("behaviour")
    with pytest.raises(LayoutMismatchError, match="damaged"):
        read(with_readable(with_("value"), known(old)), [stored(old)[0][:-8]])


def test_differences_are_named_by_setting() -> None:
    old = with_("behaviour", half_life_days=10)
    assert setting_differences(with_("behaviour", "value"), encoded_settings(old)) == {
        "segmentations": (["behaviour"], ["behaviour", "value"]),
        "features.half_life_days": (10.0, 30.0),
    }
    assert setting_differences(old, encoded_settings(old)) == {}


def test_a_change_of_the_fingerprint_is_a_change_of_row_settings() -> None:
    base = with_("behaviour")
    others = [
        with_("value"),
        with_("behaviour", half_life_days=1),
        with_("behaviour", recent_half_life_days=1),
        with_("behaviour", time_zone="Europe/Amsterdam"),
        with_("behaviour", remembered_event_ids=1),
        with_("behaviour", currency="SEK"),
        with_("behaviour", minor_units=0),
        with_("behaviour", brand_groups=8),
        Layout.of(categories=("socks",), attributes=(Attribute("age"),)),
        Layout.of(categories=("shoes",), attributes=(Attribute("age", ("young", "old")),)),
    ]
    assert all(one.fingerprint != base.fingerprint and row_settings(one) != row_settings(base) for one in others)
