"""A change record becomes one message for each subscriber that may know of it and wants it. Issue 13, item 16."""

import json
from dataclasses import replace
from typing import Any

import pytest

from streamseg.api.webhooks.messages import AdsAudiences, Change
from streamseg.membership.types import AudienceChange
from streamseg.ports import ChangeRecord, Subscriber
from tests.support.change_records import CRM, changed, removed

ADS = replace(CRM, id="ads", purpose="ads")


def bodies_for(subscriber: Subscriber, record: ChangeRecord) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in Change(record).deliveries([subscriber], 1_795_000_100)]


def changes_for(subscriber: Subscriber, record: ChangeRecord) -> list[tuple[str, str]]:
    return [
        (change["change"], change["segment"])
        for body in bodies_for(subscriber, record)
        for change in body["data"]["changes"]
    ]


def test_a_change_message_has_the_order_of_the_membership() -> None:
    (body,) = bodies_for(CRM, changed())
    assert body["type"] == "membership.changed"
    assert body["timestamp"] == "2026-11-18T11:08:20.000Z"
    assert {name: body["data"][name] for name in ("customer_id", "epoch", "seq")} == {
        "customer_id": "c-81", "epoch": 7, "seq": 1,
    }  # fmt: skip
    assert [change["change"] for change in body["data"]["changes"]] == ["exited", "entered"]


def test_a_subscriber_gets_only_changes_of_its_segments() -> None:
    (body,) = bodies_for(replace(CRM, segments=("behaviour-k*",)), changed())
    assert [change["segment"] for change in body["data"]["changes"]] == ["behaviour-k7q2"]
    assert bodies_for(replace(CRM, segments=("audience-*",)), changed()) == []


def test_ads_subscribers_hear_of_customers_with_consent_only_exits_included() -> None:
    assert bodies_for(ADS, changed(ads=False)) == []
    assert changes_for(ADS, changed()) == [("exited", "behaviour-m3xw"), ("entered", "behaviour-k7q2")]
    assert len(bodies_for(CRM, changed(ads=False))) == 1


def test_a_withdrawn_consent_exits_the_segments_that_an_ads_subscriber_knows() -> None:
    stays = changed(ads=False, before=True, changes=())
    moves = changed(ads=False, before=True)
    leaves = changed(ads=False, before=True, changes=(), segment=None)
    assert changes_for(ADS, stays) == [("exited", "behaviour-k7q2")]
    assert changes_for(ADS, moves) == [("exited", "behaviour-m3xw")], "the new segment is none of its business"
    assert changes_for(ADS, leaves) == []
    assert changes_for(CRM, stays) == []
    assert changes_for(replace(ADS, segments=("behaviour-m*",)), stays) == []


def test_a_given_consent_enters_the_current_segments_for_an_ads_subscriber() -> None:
    assert changes_for(ADS, changed(before=False, changes=())) == [("entered", "behaviour-k7q2")]
    assert changes_for(ADS, changed(before=False)) == [("entered", "behaviour-k7q2")]
    assert changes_for(ADS, changed(before=False, changes=(), segment=None)) == []
    assert changes_for(CRM, changed(before=False, changes=())) == []


def test_a_changed_answer_to_another_purpose_is_nothing_for_ads() -> None:
    assert changes_for(ADS, changed(before=True, changes=())) == []
    assert changes_for(ADS, changed(ads=False, before=False, changes=())) == []


def test_a_withdrawal_exits_what_undelivered_messages_name() -> None:
    waiting = Change(changed()).deliveries([ADS], 1.0)
    (exits,) = Change(changed(seq=2, ads=False, before=True, changes=(), segment=None)).deliveries([ADS], 2.0, waiting)
    changes = [(change["change"], change["segment"]) for change in json.loads(exits.body)["data"]["changes"]]
    assert changes == [("exited", "behaviour-m3xw"), ("exited", "behaviour-k7q2")]


def test_a_removal_is_owed_to_an_ads_subscriber_whose_exit_is_undelivered() -> None:
    waiting = Change(changed(seq=2, ads=False, before=True, changes=())).deliveries([ADS], 1.0)
    (removal,) = Change(removed(ads=False)).deliveries([ADS], 2.0, waiting)
    assert json.loads(removal.body)["type"] == "membership.removed"


def test_only_a_withdrawal_of_consent_to_ads_is_one() -> None:
    assert Change(changed(ads=False, before=True, changes=())).is_withdrawal
    others = (changed(), changed(before=False), changed(ads=False), removed())
    assert not any(Change(record).is_withdrawal for record in others)


def test_a_removal_is_sent_to_every_subscriber_that_may_know_the_customer() -> None:
    (body,) = bodies_for(replace(ADS, segments=("audience-*",)), removed())
    assert (body["type"], body["data"]) == ("membership.removed", {"customer_id": "c-81", "epoch": 7, "seq": 9})
    assert bodies_for(ADS, removed(ads=False)) == []
    assert bodies_for(CRM, removed(ads=False)) == [body]


def test_a_tombstone_of_an_earlier_release_is_sent_to_everybody() -> None:
    (body,) = bodies_for(ADS, removed(ads=None))
    assert body["data"] == {"customer_id": "c-81"}


def test_removals_and_withdrawals_are_urgent() -> None:
    def urgent(record: ChangeRecord, subscriber: Subscriber) -> list[bool]:
        return [each.urgent for each in Change(record).deliveries([subscriber], 5.0)]

    assert urgent(removed(), CRM) == urgent(changed(ads=False, before=True, changes=()), ADS) == [True]
    assert urgent(changed(), CRM) == urgent(changed(ads=False, before=True), CRM) == [False]


def test_a_record_that_is_read_again_has_the_same_delivery_id() -> None:
    for record in (changed(), removed()):
        first, again = (Change(replace(record, position=where)).deliveries([CRM], 5.0) for where in ("0-5", "0-9"))
        assert first[0].id == again[0].id


@pytest.mark.parametrize(
    "record",
    [ChangeRecord(b"c-81", b"no JSON", "0-1"), ChangeRecord(b"c-81", b"{}", "0-1"), ChangeRecord(b"\xff", None, "0-1")],
)
def test_what_is_no_change_record_is_a_value_error(record: ChangeRecord) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Change(record)


ENTERED = AudienceChange("win-back", 3, "entered")
EXITED = AudienceChange("readers", 1, "exited")
IN_AUDIENCES = changed(audiences=("win-back",), audience_changes=(ENTERED, EXITED))
FOR_ADS = AdsAudiences({"win-back": 3, "small": 1}, frozenset({"win-back"}))


def audience_changes_for(
    subscriber: Subscriber, record: ChangeRecord, ads: AdsAudiences | None = None
) -> list[tuple[str, str, int]]:
    return [
        (one["change"], one["audience"], one["version"])
        for each in Change(record).deliveries([subscriber], 1_795_000_100, ads=ads)
        for one in json.loads(each.body)["data"].get("audience_changes", ())
    ]


def test_entries_and_exits_of_audiences_have_the_version_of_the_definition() -> None:
    assert audience_changes_for(CRM, IN_AUDIENCES) == [("entered", "win-back", 3), ("exited", "readers", 1)]
    assert audience_changes_for(CRM, changed()) == []
    only = changed(changes=(), audiences=("win-back",), audience_changes=(ENTERED,))
    (body,) = bodies_for(CRM, only)
    assert body["data"]["changes"] == []


def test_a_subscriber_names_segments_or_audiences_or_both() -> None:
    segments, audiences = replace(CRM, segments=("behaviour-*",)), replace(CRM, audiences=("win-*",))
    both = replace(segments, audiences=("win-*",))
    assert (len(changes_for(segments, IN_AUDIENCES)), audience_changes_for(segments, IN_AUDIENCES)) == (2, [])
    assert changes_for(audiences, IN_AUDIENCES) == []
    assert audience_changes_for(audiences, IN_AUDIENCES) == [("entered", "win-back", 3)]
    assert (len(changes_for(both, IN_AUDIENCES)), len(audience_changes_for(both, IN_AUDIENCES))) == (2, 1)
    assert bodies_for(audiences, changed()) == []


def test_ads_subscribers_hear_of_audiences_for_ads_that_are_large_enough() -> None:
    small = AudienceChange("small", 1, "entered")
    record = changed(audiences=("small", "win-back"), audience_changes=(ENTERED, EXITED, small))
    assert audience_changes_for(ADS, record) == []
    assert audience_changes_for(ADS, record, FOR_ADS) == [("entered", "win-back", 3)]
    left = changed(audiences=(), audience_changes=(replace(small, change="exited"),))
    assert audience_changes_for(ADS, left, FOR_ADS) == [("exited", "small", 1)], "it may have been large before"
    assert audience_changes_for(ADS, changed(ads=False, audience_changes=(ENTERED,)), FOR_ADS) == []


def test_consent_to_ads_enters_and_exits_audiences() -> None:
    present = ("readers", "small", "win-back")
    given = changed(before=False, changes=(), audiences=present)
    assert audience_changes_for(ADS, given, FOR_ADS) == [("entered", "win-back", 3)]
    withdrawn = changed(ads=False, before=True, changes=(), audiences=present)
    assert audience_changes_for(ADS, withdrawn, FOR_ADS) == [("exited", "small", 1), ("exited", "win-back", 3)]


def test_a_withdrawal_exits_the_audiences_that_undelivered_messages_name() -> None:
    waiting = Change(changed(audiences=("win-back",), audience_changes=(ENTERED,))).deliveries([ADS], 1.0, ads=FOR_ADS)
    record = changed(seq=2, ads=False, before=True, changes=(), segment=None, audiences=())
    (exits,) = Change(record).deliveries([ADS], 2.0, waiting, ads=FOR_ADS)
    assert json.loads(exits.body)["data"]["audience_changes"] == [
        {"audience": "win-back", "version": 3, "change": "exited"}
    ]
