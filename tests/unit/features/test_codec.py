"""Encoding and decoding of stored rows, and errors for rows that cannot be read."""

import numpy as np
import pytest

from streamseg.errors import LayoutMismatchError, SettingsError
from streamseg.features import codec
from streamseg.features.layout import FIELDS, Attribute, Layout
from streamseg.features.rows import Rows


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
    assert sum(size for _, _, size, _ in table) == len(a_row(layout)) <= 378  # 384 is a size class of Redis's allocator
    assert {name for name, _, _, _ in table} >= {field.name for field in FIELDS}


def test_fields_are_aligned() -> None:
    layout = Layout.of(segmentations=("a", "b", "c"), remembered_event_ids=3, categories=("shoes",))
    assert layout.dtype.fields is not None
    for dtype, offset, *_ in layout.dtype.fields.values():
        assert offset % dtype.base.itemsize == 0


def test_a_newer_format_is_refused() -> None:
    layout = Layout.of()
    stored = bytes([codec.FORMAT + 1]) + a_row(layout)[1:]
    with pytest.raises(LayoutMismatchError, match="format 2, this version reads up to 1"):
        codec.decode(layout, [stored])


def test_an_older_format_is_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout.of()
    stored = a_row(layout)
    monkeypatch.setattr(codec, "FORMAT", 3)
    monkeypatch.setitem(codec.UPGRADES, 1, lambda _, row: b"\x02" + row[1:])
    monkeypatch.setitem(codec.UPGRADES, 2, lambda _, row: b"\x03" + row[1:])
    assert codec.decode(layout, [stored])[0].tobytes() == stored[codec.HEADER_BYTES :]


def test_a_row_of_another_layout_is_refused_and_no_row_is_added() -> None:
    rows = Rows(Layout.of(half_life_days=10))
    with pytest.raises(LayoutMismatchError, match="streamseg rebuild"):
        rows.load(["a", "b"], [None, a_row(Layout.of())])
    assert len(rows) == 0


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 100])
def test_a_damaged_row_is_refused(cut: int) -> None:
    layout = Layout.of()
    with pytest.raises(LayoutMismatchError, match="damaged"):
        codec.decode(layout, [a_row(layout)[:cut]])


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
