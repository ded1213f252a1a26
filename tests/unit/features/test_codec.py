"""Encoding and decoding of stored rows, and errors for rows that cannot be read."""

from dataclasses import replace

import numpy as np
import pytest

from streamseg.errors import LayoutMismatchError, SettingsError
from streamseg.features import codec
from streamseg.features.fields import FIELDS, FORMAT
from streamseg.features.layout import Attribute, Layout
from streamseg.features.relayout import encoded_settings, with_readable
from streamseg.features.rows import Rows
from tests.support import rows_of_format_1 as format_1


def a_row(layout: Layout) -> bytes:
    rows = Rows(layout)
    slots = rows.load(["c-1"], [None])
    rows.spend_minor[slots] = 2**53 + 1
    rows.sums[slots, 0] = 1.25
    rows.last_seen[slots] = 1_700_000_000.123
    return rows.dump(slots)[0]


def test_a_stored_row_is_loaded_and_dumped_unchanged() -> None:
    layout = Layout.of()
    stored = a_row(layout)
    rows = Rows(layout)
    slots = rows.load(["a", "b", "c"], [None, stored, None])
    assert rows.spend_minor[slots].tolist() == [0, 2**53 + 1, 0]
    assert rows.last_seen[slots].tolist() == [-np.inf, 1_700_000_000.123, -np.inf]
    assert rows.dump(slots[1:2]) == [stored]


def test_the_default_row_fits_a_size_class_and_the_table_explains_every_byte() -> None:
    layout = Layout.of()
    table = codec.field_table(layout)
    assert sum(size for _, _, size, _ in table) == len(a_row(layout)) <= 420  # 448 is a size class of Redis's allocator
    assert {name for name, _, _, _ in table} >= {field.name for field in FIELDS}


def test_fields_are_aligned() -> None:
    layout = Layout.of(segmentations=("a", "b", "c"), remembered_event_ids=3, categories=("shoes",))
    assert layout.dtype.fields is not None
    for dtype, offset, *_ in layout.dtype.fields.values():
        assert offset % dtype.base.itemsize == 0


def test_a_newer_format_is_refused() -> None:
    layout = Layout.of()
    stored = bytes([FORMAT + 1]) + a_row(layout)[1:]
    with pytest.raises(LayoutMismatchError, match=f"format {FORMAT + 1}, this version reads up to {FORMAT}"):
        codec.decode(layout, [stored])
    with pytest.raises(LayoutMismatchError, match=f"format {FORMAT + 1}, this version reads up to {FORMAT}"):
        codec.erasure_of(stored)


def test_rows_of_format_1_are_read_with_fresh_values_in_the_fields_that_they_lack() -> None:
    layout = Layout.of()
    records = np.zeros(2, dtype=format_1.record_type())
    for f, name in enumerate(format_1.record_type().names or ()):
        shape = records[name].shape
        records[name] = (np.arange(np.prod(shape)).reshape(shape) + f) % 100
    rows = Rows(layout)
    new, *old = rows.load(["new", "a", "b"], [a_row(layout), *format_1.stored(format_1.DEFAULT, records)]).tolist()
    for field in FIELDS:
        read = rows.slab[field.name][old]
        if field.name == "sums":
            for name, place in layout.sum_index.items():
                at = replace(layout, format=1).sum_index[name]
                np.testing.assert_array_equal(read[:, place], records["sums"][:, at], err_msg=name)
        elif field.name in (records.dtype.names or ()) and field.name != "looked_at":
            np.testing.assert_array_equal(read, records[field.name])
        else:
            np.testing.assert_array_equal(read, layout.fresh[field.name].repeat(2, axis=0))
    assert rows.spend_minor[new] == 2**53 + 1
    again = Rows(layout)
    slots = again.load(["a", "b"], rows.dump(np.array(old)))
    assert again.dump(slots) == rows.dump(np.array(old))


def test_rows_of_format_2_are_read_without_visits_and_keep_their_sums() -> None:
    """Issue 14, number 4: visits take the place of five sums of clicks by day part and weekend."""
    layout = Layout.of()
    old = replace(layout, format=2)
    assert (old.fingerprint, old.row_bytes) == ("56371d15", 384), "as the release before wrote them"
    assert [name for name in old.sum_index if name not in layout.sum_index] == [
        "night", "morning", "afternoon", "evening", "weekend",
    ]  # fmt: skip
    records = np.zeros(1, dtype=old.dtype)
    records["sums"] = np.arange(len(old.sum_index))
    records["events"], records["last_seen"] = 20, 1_700_000_000.0
    stored = b"\x02" + bytes.fromhex(old.fingerprint) + records.tobytes()
    rows = Rows(layout)
    slots = rows.load(["c-1"], [stored])
    found = dict(zip(layout.sum_index, rows.sums[slots][0].tolist(), strict=True))
    assert found == {name: old.sum_index[name] for name in layout.sum_index}
    assert (rows.events[slots].tolist(), rows.last_seen[slots].tolist()) == ([20], [1_700_000_000.0])
    assert (rows.visits[slots].tolist(), rows.visited_day[slots].tolist()) == ([[0, 0, 0, 0]], [0])


def test_format_1_with_other_segmentations_is_read_too() -> None:
    two = Layout.of(segmentations=("behaviour", "value"))
    records = np.zeros(1, dtype=format_1.record_type(segmentations=2))
    records["segment"], records["seq"] = [[11, 22]], 7
    layout = with_readable(Layout.of(segmentations=("value", "tastes")), {format_1.TWO: encoded_settings(two)})
    rows = Rows(layout)
    slots = rows.load(["c-1"], format_1.stored(format_1.TWO, records))
    assert (rows.segment[slots].tolist(), rows.seq[slots].tolist()) == ([[22, 0]], [7])


def test_an_erasure_marker_is_found_in_rows_of_both_formats() -> None:
    rows = Rows(Layout.of())
    slots = rows.load(["c-1"], [None])
    rows.erased_at[slots] = 77.0
    records = np.zeros(1, dtype=format_1.record_type())
    records["erased_at"] = 66.0
    assert codec.erasure_of(rows.dump(slots)[0]) == 77.0
    assert codec.erasure_of(format_1.stored(format_1.DEFAULT, records)[0]) == 66.0


def test_a_row_of_another_layout_is_refused_and_no_row_is_added() -> None:
    rows = Rows(Layout.of(half_life_days=10))
    with pytest.raises(LayoutMismatchError, match="streamseg rebuild"):
        rows.load(["a", "b"], [None, a_row(Layout.of())])
    assert len(rows) == 0


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 100])
def test_a_damaged_row_is_refused(cut: int) -> None:
    layout = Layout.of()
    records = np.zeros(1, dtype=format_1.record_type())
    for whole in (a_row(layout), *format_1.stored(format_1.DEFAULT, records)):
        with pytest.raises(LayoutMismatchError, match="damaged"):
            codec.decode(layout, [whole[:cut]])


@pytest.mark.parametrize(
    "other",
    [
        Layout.of(half_life_days=31),
        Layout.of(recent_half_life_days=8),
        Layout.of(categories=("shoes",)),
        Layout.of(time_zone="Europe/Amsterdam"),
        Layout.of(remembered_event_ids=9),
        Layout.of(currency="GBP"),
        Layout.of(minor_units=0),
        Layout.of(brand_groups=8),
        Layout.of(segmentations=("value",)),
        Layout.of(attributes=(Attribute("age"),)),
    ],
)
def test_a_change_in_the_meaning_of_rows_changes_the_fingerprint(other: Layout) -> None:
    assert other.fingerprint != Layout.of().fingerprint


def test_priors_and_spelling_do_not_change_the_fingerprint() -> None:
    assert Layout.of().fingerprint == Layout.of(typical_price=5, typical_order=7).fingerprint
    assert Layout.of(categories=("Trail Shoes",)).fingerprint == Layout.of(categories=["trail-shoes"]).fingerprint


@pytest.mark.parametrize("categories", [("other",), ("Shoes", "shoes"), ("",), ("?",)])
def test_categories_with_equal_or_reserved_names_are_refused(categories: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match=r"features\.categories"):
        Layout.of(categories=categories)
