"""A subscriber, and a change record for it."""

import msgspec

from streamseg.membership.encoding import change_record
from streamseg.membership.types import MembershipChange
from streamseg.ports import Subscriber
from tests.support.served_api import entry_of, membership_of

CRM = Subscriber("crm", "https://crm.example/hook", "whsec_" + "c2VjcmV0" * 5)
MOVED = (
    MembershipChange("behaviour", "behaviour-m3xw", "exited"),
    MembershipChange("behaviour", "behaviour-k7q2", "entered"),
)


def moved(*, ads: bool = True) -> bytes:
    """Return the record of c-81 leaving one segment for another, with or without consent to ads."""
    value = change_record(msgspec.structs.replace(entry_of(membership_of("c-81", ads=ads)), changes=MOVED))
    assert value is not None
    return value
