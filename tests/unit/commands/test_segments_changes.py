"""What `segments changes` takes and prints. Issue 13, item 26."""

from datetime import date
from typing import Any

import click
import pytest

from streamseg.commands._changes import SinceType, lines
from streamseg.commands._text import columns
from streamseg.service.changes import Changes, SegmentChange, Since

DAY = 86_400
SATURDAY = date(2026, 11, 21)
A, B, OLD = "behaviour-aaaa", "behaviour-bbbb", "behaviour-cccc"


def changed(*segments: SegmentChange, counted_from: date | None = SATURDAY) -> Changes:
    return Changes(SATURDAY, counted_from, segments)


def test_changes_are_printed_in_words() -> None:
    found = changed(
        SegmentChange(A, "behaviour", "Daily Athletes", 1_204, 1_310, {None: 92, B: 60, OLD: 28}, {B: 40, None: 34}),
        SegmentChange(B, "behaviour", "Bargain Hunters", 310, 310, {}, {}),
        SegmentChange(OLD, "behaviour", "Window Shoppers", 28, 0, {}, {A: 28}),
    )
    assert list(lines(found, {OLD: {"retired": 5}, B: {"shadow": True}})) == [
        "Changes since Sat 21 Nov 2026, 00:00 UTC",
        "",
        "behaviour",
        "  Daily Athletes: 1,204 -> 1,310 (+106)",
        "    gained 180: 92 from no segment, 60 from Bargain Hunters (shadow), 28 from",
        "      Window Shoppers (retired)",
        "    lost 74: 40 to Bargain Hunters (shadow), 34 to no segment",
        "  Bargain Hunters (shadow): 310 as before",
        "  Window Shoppers (retired): 28 -> 0 (-28)",
        "    lost 28: 28 to Daily Athletes",
    ]


def test_changes_are_printed_in_the_language_that_is_asked_for() -> None:
    found = changed(
        SegmentChange(A, "behaviour", "Frequent buyers", 1_204, 1_310, {None: 92, OLD: 28}, {OLD: 14}),
        SegmentChange(OLD, "behaviour", "Window shoppers", 28, 28, {}, {}),
        counted_from=None,
    )
    entries: dict[str, dict[str, Any]] = {
        A: {"label": "Vaste kopers"},
        OLD: {"label": "Etalagekijkers", "closes": 5, "retired": None},
    }
    assert list(lines(found, entries, "nl")) == [
        "Veranderingen sinds za 21 nov 2026, 00:00 UTC",
        "Er is nog geen overgang geteld.",
        "",
        "behaviour",
        "  Vaste kopers: 1.204 -> 1.310 (+106)",
        "    kreeg er 120: 92 uit geen segment, 28 uit Etalagekijkers (stopt)",
        "    verloor er 14: 14 naar Etalagekijkers (stopt)",
        "  Etalagekijkers (stopt): 28, als eerst",
    ]


def test_long_labels_fit_80_columns_and_equal_ones_show_their_ids() -> None:
    label = "Everybody who bought shoes in spring and came back for another pair in the autumn"[:80]
    endless = "x" * 80
    found = changed(
        SegmentChange(A, "behaviour", label, 1_000_000, 2_000_000, {B: 900_000, None: 100_000}, {OLD: 1}),
        SegmentChange(B, "behaviour", label, 5, 5, {OLD: 7}, {A: 7}),
        SegmentChange(OLD, "behaviour", endless, 5, 5, {A: 1}, {B: 1}),
    )
    printed = list(lines(found, {}))
    assert max(map(len, printed)) <= columns()
    text = " ".join(" ".join(printed).split())
    assert f"900,000 from {label} [{B}]" in text


@pytest.mark.parametrize(
    ("counted_from", "said"),
    [
        (date(2026, 11, 24), "The first counted move is of Tue 24 Nov 2026: earlier ones are not in here."),
        (None, "No move is counted yet."),
    ],
)
def test_days_without_counts_are_stated(counted_from: date | None, said: str) -> None:
    assert said in lines(changed(counted_from=counted_from), {})


@pytest.mark.parametrize(
    ("given", "since"),
    [
        ("7d", Since(seconds=7 * DAY)),
        ("24h", Since(seconds=DAY)),
        ("4w", Since(seconds=28 * DAY)),
        ("2026-11-21", Since(day=SATURDAY)),
    ],
)
def test_since_is_a_span_or_a_date(given: str, since: Since) -> None:
    assert SinceType().convert(given, None, None) == since


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        *((given, "neither a span") for given in ("", "7", "d", "-7d", "7 days", "9999h0", "2026-13-01")),
        ("0d", "longer than 0"),
        ("400d", "moves are kept for 400 days"),
        ("2999-01-01", "in the future"),
    ],
)
def test_another_since_is_refused_with_a_reason(given: str, reason: str) -> None:
    with pytest.raises(click.BadParameter, match=reason):
        SinceType().convert(given, None, None)
