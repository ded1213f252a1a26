"""The exact bytes of membership strings and change records."""

import json
from dataclasses import replace

import msgspec
import pytest

from streamseg.membership.encoding import change_record, decode, encode, order_of, tombstone_headers
from streamseg.membership.types import Consent, Membership, MembershipChange, OutboxEntry, SegmentMembership

MEMBERSHIP = Membership(
    customer_id="c-81",
    epoch=1_795_415_000_123,
    seq=17,
    as_of=1_795_415_998,
    model={"behaviour": 12},
    segments={"behaviour": SegmentMembership("behaviour-k7q2", 1_795_000_000, 0.83), "value": None},
    consent=Consent(ads=False, personalisation=True),
)
STRING = (
    b'{"v":1,"customer_id":"c-81","epoch":1795415000123,"seq":17,"as_of":1795415998,"model":{"behaviour":12},'
    b'"segments":{"behaviour":{"id":"behaviour-k7q2","since":1795000000,"score":0.83},"value":null},'
    b'"consent":{"ads":false,"personalisation":true,"analytics":true}}'
)


def test_a_membership_string_has_exactly_the_published_bytes() -> None:
    assert encode(MEMBERSHIP) == STRING


def test_a_membership_string_is_decoded() -> None:
    assert decode(STRING) == MEMBERSHIP


def test_unknown_fields_of_a_later_release_are_ignored() -> None:
    assert decode(STRING[:-1] + b',"journey":{}}') == MEMBERSHIP


@pytest.mark.parametrize("customer_id", ["c-81", 'a"b', "x\\", "é€", "</script>", "\U0001f6b2"])
@pytest.mark.parametrize("score", [0.0, 0.05, 0.83, 1.0])
def test_an_encoded_membership_is_decoded_unchanged(customer_id: str, score: float) -> None:
    membership = replace(
        MEMBERSHIP,
        customer_id=customer_id,
        model={},
        segments={"value": None, "behaviour": SegmentMembership("behaviour-k7q2", 0, score)},
        consent=Consent(ads=True, personalisation=False),
    )
    assert decode(encode(membership)) == membership
    assert json.loads(encode(membership))["customer_id"] == customer_id


@pytest.mark.parametrize("junk", [b"", b"nonsense", b"{}", b"[1]", b'{"v":1,"customer_id":3}', b"\xff\xfe"])
def test_bytes_that_are_not_a_membership_are_a_value_error(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        decode(junk)
    assert order_of(junk) is None


@pytest.mark.parametrize("customer_id", ["c-81", 'a","epoch":1,"seq":1,', 'x\\","epoch":1,"seq":1,', "é€", "\\"])
def test_epoch_and_seq_are_found_for_any_customer_id(customer_id: str) -> None:
    membership = Membership(customer_id, 5, 6, 0, {}, {}, Consent(True, True))
    assert order_of(encode(membership)) == (5, 6)


def test_a_change_record_has_the_membership_and_its_changes() -> None:
    changes = (
        MembershipChange("behaviour", "behaviour-m3xw", "exited"),
        MembershipChange("behaviour", "behaviour-k7q2", "entered"),
    )
    record = change_record(OutboxEntry("c-81", 1_795_415_000_123, 17, STRING, changes))
    assert record is not None
    assert record == STRING[:-1] + (
        b',"changes":[{"segmentation":"behaviour","segment":"behaviour-m3xw","change":"exited"},'
        b'{"segmentation":"behaviour","segment":"behaviour-k7q2","change":"entered"}]}'
    )
    assert json.loads(record)["changes"][1]["change"] == "entered"


def test_the_record_of_a_deletion_is_a_tombstone_with_order_and_previous_answer_in_its_headers() -> None:
    """Issue 13, item 16."""
    entry = OutboxEntry("c-81", 1, 2, None, (), Consent(ads=False, personalisation=True))
    assert change_record(entry) is None
    assert tombstone_headers(entry) == (("epoch", b"1"), ("seq", b"2"), ("previous_ads", b"false"))
    assert tombstone_headers(OutboxEntry("c-81", 1, 2, None)) == (("epoch", b"1"), ("seq", b"2"))


def test_a_changed_answer_adds_the_previous_consent_to_the_record() -> None:
    """Issue 13, item 16."""
    record = change_record(OutboxEntry("c-81", 1, 17, STRING, (), Consent(ads=True, personalisation=True)))
    assert (
        record
        == STRING[:-1] + b',"changes":[],"previous_consent":{"ads":true,"personalisation":true,"analytics":true}}'
    )
    assert decode(record) == MEMBERSHIP


@pytest.mark.parametrize(
    ("entry", "is_change"),
    [
        (OutboxEntry("c-81", 1, 2, STRING), False),
        (OutboxEntry("c-81", 1, 2, None), True),
        (OutboxEntry("c-81", 1, 2, STRING, (MembershipChange("b", "b-k7q2", "entered"),)), True),
        (OutboxEntry("c-81", 1, 2, STRING, (), Consent(ads=True, personalisation=True)), True),
    ],
)
def test_an_entry_is_a_change_if_segments_or_answers_changed(entry: OutboxEntry, *, is_change: bool) -> None:
    """Issue 13, item 16."""
    assert entry.is_change is is_change


def test_an_outbox_entry_of_an_earlier_release_is_decoded() -> None:
    """Issue 13, item 16: it has no previous consent."""
    stored = msgspec.msgpack.encode(("c-81", 1, 2, STRING, ()))
    assert msgspec.msgpack.decode(stored, type=OutboxEntry) == OutboxEntry("c-81", 1, 2, STRING)
