"""Rows keep hashes of the latest e-mail address and phone number, and nothing else of them."""

import base64
import zlib
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from streamseg.features.codec import HEADER_BYTES
from streamseg.features.fields import FORMAT
from streamseg.features.identifiers.hashes import identifier_hashes
from streamseg.features.identifiers.identifier_conversion import doubt_identifiers
from streamseg.features.layout import Attribute, Layout
from streamseg.features.relayout import encoded_settings, with_readable
from streamseg.features.rows import Rows
from tests.support.rows import DAY, NOON, Slab, erasure, profile

LAYOUT = Layout.of(identifiers=("email", "phone"), phone_country_code="31")
EMAIL, PHONE = "Jan.de.Vries@gmail.com", "06-12345678"

STORED_IN_FORMAT_4 = zlib.decompress(
    base64.b85decode(
        "c-mvR*JtvJfq`Lz`1G5OKw2ONLZkD6;KP4hbcZklUhp3cwBB5!*}g~7Hg6dZ*SCusxxT;K`qZnxwGzf>hU&vbqq@t{fe}@XAXw_lz~HbUHVv"
        "5%0uJHfU@>+eZkU;t2J@GOdX+sgO&Vx`>hW;mSX}KO8CmX#OJ&pDbbDkPqSwO-7-V1`07Pv~8v"
    )
)
"""Written by streamseg as of 2026-11-29, by 589f108: a click, then a purchase and a profile at `NOON`."""
OF_FORMAT_4: dict[str, Any] = {
    "segmentations": ("behaviour",),
    "attributes": (Attribute("age"),),
    "tracked": {"purchase": 2},
    "spent_days": 2,
    "audiences": 2,
    "remembered_event_ids": 4,
}


def held(slab: Slab, slot: int = 0) -> list[int]:
    return [int(one) for one in slab.rows.identifiers[slot]]


def hashes(email: object = None, phone: object = None) -> list[int]:
    found = [identifier_hashes("email", email, "31"), identifier_hashes("phone", phone, "31")]
    return [one for of_kind in found for one in of_kind or ()]


def test_the_latest_statement_of_each_kind_wins_and_null_takes_it_away() -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON, email=EMAIL, phone=PHONE)])
    assert held(slab) == hashes(EMAIL, PHONE)
    slab.feed([profile(NOON - 5, email="old@web.nl"), profile(NOON + 1, phone="+31611111111")])
    assert held(slab) == hashes(EMAIL, "+31611111111")
    slab.feed([profile(NOON + 2, email=None)])
    assert held(slab) == hashes(None, "+31611111111")


def test_what_is_no_identifier_changes_nothing_and_is_counted() -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON, email=EMAIL)])
    assert slab.feed([profile(NOON + 1, email="unknown", phone="n/a"), profile(NOON + 2, age=3)]).adjusted == 1
    assert held(slab) == hashes(EMAIL)


def test_a_hash_is_the_same_as_the_address() -> None:
    plain, hashed = Slab(LAYOUT), Slab(LAYOUT)
    plain.feed([profile(NOON, email="jan@web.nl", phone="+31612345678")])
    hashed.feed([profile(NOON, email=sha256(b"jan@web.nl").hexdigest(), phone=sha256(b"+31612345678").hexdigest())])
    assert held(hashed)[:2] == held(plain)[:2]
    assert held(hashed)[2] == held(plain)[2]


def test_no_row_has_a_plain_address_or_a_whole_hash() -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON, email="jan@web.nl", phone="+31612345678")])
    (row,) = slab.stored()
    for text in (b"jan", b"web", b"612345678", sha256(b"jan@web.nl").digest(), sha256(b"jan@web.nl").digest()[8:16]):
        assert text not in row


def test_an_erasure_takes_them_and_they_stay_away_until_told_again() -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON, email=EMAIL, phone=PHONE)])
    slab.feed([erasure(NOON + 1)])
    assert held(slab) == [0, 0, 0, 0]
    slab.feed([profile(NOON + 0.5, email=EMAIL)])
    assert held(slab) == [0, 0, 0, 0]
    slab.feed([profile(NOON + 2, email=EMAIL)])
    assert held(slab) == hashes(EMAIL)


def test_rows_have_no_byte_of_them_where_the_settings_ask_for_none() -> None:
    plain, both = Layout.of().row_bytes, LAYOUT.row_bytes
    assert plain == replace(Layout.of(), format=4).row_bytes
    assert both - plain == 56, "28 each"
    slab = Slab(Layout.of())
    assert slab.feed([profile(NOON, email="unknown")]).adjusted == 0


def test_rows_of_the_format_before_are_read_whole_and_do_not_know_identifiers() -> None:
    before = Layout.of(**OF_FORMAT_4)
    now = Layout.of(**OF_FORMAT_4, identifiers=("phone",))
    for layout in (before, with_readable(now, {before.fingerprint: encoded_settings(before)})):
        assert STORED_IN_FORMAT_4[0] == 4
        rows = Rows(layout)
        rows.load(["c-1"], [STORED_IN_FORMAT_4])
        assert rows.last_seen[0] == rows.last_purchase[0] == NOON
        assert rows.first_seen[0] == NOON - DAY
        assert (rows.transactions[0], rows.events[0], rows.spend_minor[0]) == (1, 3, 5_000)
        assert rows.attributes[0].tolist() == [34.0]
        assert rows.tracked_times[0].tolist() == [NOON, 0]
        assert rows.spent[0].tolist() == [5_000, 0]
        assert rows.entered[0].tolist() == [1_717_000_000, 0]
        assert (rows.audiences_as_of[0, 0], rows.due_at[0, 0]) == (7, 1_718_000_000)
        assert rows.identified_from[0].tolist() == [NOON] * len(layout.identifiers)
        (written,) = rows.dump(np.array([0]))
        assert written[0] == FORMAT == 5
        assert len(written) == HEADER_BYTES + layout.row_bytes


@pytest.mark.parametrize("kinds", [("email",), ("phone",), ("email", "phone"), ()])
def test_other_kinds_can_be_kept_without_a_rebuild(kinds: tuple[str, ...]) -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON, email=EMAIL, phone=PHONE)])
    other = Layout.of(identifiers=[kind for kind in LAYOUT.identifiers if kind in kinds])
    rows = Rows(with_readable(other, {LAYOUT.fingerprint: encoded_settings(LAYOUT)}))
    rows.load(["c-1"], slab.stored())
    told = {"email": EMAIL, "phone": PHONE}
    assert rows.identifiers[0].tolist() == [one for kind in kinds for one in hashes(**{kind: told[kind]}) if one]
    assert not rows.identified_from[0].any()


def test_rows_that_were_rebuilt_from_a_part_of_the_profiles_do_not_know() -> None:
    slab = Slab(LAYOUT)
    slab.feed([profile(NOON + 0.5, phone=PHONE)])
    doubt_identifiers(slab.rows.slab[:1], LAYOUT)
    assert slab.rows.identified_from[0].tolist() == [NOON, NOON]
