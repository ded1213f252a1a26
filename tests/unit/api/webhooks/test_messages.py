"""A change record becomes one message for each subscriber that may know of it and wants it. Issue 13, item 16."""

import json
from dataclasses import replace
from typing import Any

import pytest

from streamseg.api.webhooks.messages import Change
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
