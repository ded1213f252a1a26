"""A subscriber, and change records for it."""

from dataclasses import replace

from streamseg.membership.encoding import change_record, encode, tombstone_headers
from streamseg.membership.types import AudienceChange, Consent, MembershipChange, OutboxEntry
from streamseg.ports import ChangeRecord, Subscriber
from tests.support.served_api import membership_of

CRM = Subscriber("crm", "https://crm.example/hook", "whsec_" + "c2VjcmV0" * 5)
MOVED = (
    MembershipChange("behaviour", "behaviour-m3xw", "exited"),
    MembershipChange("behaviour", "behaviour-k7q2", "entered"),
)


def changed(
    customer_id: str = "c-81",
    *,
    seq: int = 1,
    ads: bool = True,
    before: bool | None = None,
    changes: tuple[MembershipChange, ...] = MOVED,
    segment: str | None = "behaviour-k7q2",
    audiences: tuple[str, ...] | None = None,
    audience_changes: tuple[AudienceChange, ...] = (),
) -> ChangeRecord:
    """Return the record of a customer who moved, with the answer to ads, and with the one before if it changed."""
    membership = replace(membership_of(customer_id, segment, seq=seq, ads=ads), audiences=audiences)
    previous = None if before is None else Consent(before, True)
    entry = OutboxEntry(customer_id, membership.epoch, seq, encode(membership), changes, previous, audience_changes)
    return ChangeRecord(customer_id.encode(), change_record(entry), f"0-{seq}")


def removed(customer_id: str = "c-81", *, seq: int = 9, ads: bool | None = True) -> ChangeRecord:
    """Return the tombstone of a customer, with the answer to ads before it; None: as an earlier release wrote it."""
    previous = None if ads is None else Consent(ads, True)
    headers = dict(tombstone_headers(OutboxEntry(customer_id, 7, seq, None, (), previous)))
    return ChangeRecord(customer_id.encode(), None, f"0-{seq}", {} if ads is None else headers)
