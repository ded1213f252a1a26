"""A change record becomes one message for each subscriber that wants it."""

import json
from dataclasses import replace
from typing import Any

from streamseg.api.webhooks.messages import deliveries_of
from streamseg.ports import Subscriber
from tests.support.change_records import CRM, moved


def bodies_for(subscriber: Subscriber, value: bytes | None) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in deliveries_of(b"c-81", value, "0-5", [subscriber], 1_795_000_100)]


def test_a_change_message_has_the_order_of_the_membership() -> None:
    (body,) = bodies_for(CRM, moved())
    assert body["type"] == "membership.changed"
    assert body["timestamp"] == "2026-11-18T11:08:20.000Z"
    assert {name: body["data"][name] for name in ("customer_id", "epoch", "seq")} == {
        "customer_id": "c-81", "epoch": 7, "seq": 1,
    }  # fmt: skip
    assert [change["change"] for change in body["data"]["changes"]] == ["exited", "entered"]


def test_a_subscriber_gets_only_changes_of_its_segments() -> None:
    (body,) = bodies_for(replace(CRM, segments=("behaviour-k*",)), moved())
    assert [change["segment"] for change in body["data"]["changes"]] == ["behaviour-k7q2"]
    assert bodies_for(replace(CRM, segments=("audience-*",)), moved()) == []


def test_ads_subscribers_get_entries_only_with_consent_and_exits_always() -> None:
    ads = replace(CRM, purpose="ads")
    assert [change["change"] for change in bodies_for(ads, moved(ads=False))[0]["data"]["changes"]] == ["exited"]
    assert len(bodies_for(ads, moved())[0]["data"]["changes"]) == 2


def test_a_removal_is_sent_to_every_subscriber() -> None:
    (body,) = bodies_for(replace(CRM, segments=("audience-*",), purpose="ads"), None)
    assert (body["type"], body["data"]) == ("membership.removed", {"customer_id": "c-81"})


def test_a_record_that_is_read_again_has_the_same_delivery_id() -> None:
    first, again = (deliveries_of(b"c-81", moved(), position, [CRM], 5.0) for position in ("0-5", "0-9"))
    assert first[0].id == again[0].id
