"""Generates the JSON Schemas of the change topic, `streamseg.memberships`, and of `streamseg.membership-history`."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from streamseg.events.schema import schema_of
from streamseg.membership.encoding import VERSION
from streamseg.membership.types import AudienceChange, Consent, Membership, MembershipChange


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(Membership):
    """A customer's membership after a change of a segment, of an audience, or of an answer to a purpose.

    `audiences` is there only where audiences are declared, `audience_changes` only if one changed. `previous_consent`
    is there only if an answer changed; `changes` is then empty if no segment changed. A reader for a purpose must treat
    a withdrawn answer as an exit from every segment that the customer was in before, and a given one as an entry to
    every segment in `segments`; while the answer is no, it must ignore the customer.

    A null value (tombstone) means: erased or expired. Its headers `epoch` and `seq` order it among the customer's
    records; `previous_ads` (true or false) is the answer to ads before it.
    """

    v: Literal[1] = VERSION
    changes: tuple[MembershipChange, ...]
    audience_changes: tuple[AudienceChange, ...] = ()
    previous_consent: Consent | None = None


def membership_schema() -> dict[str, Any]:
    """Return the schema of the record value. Readers must ignore unknown fields."""
    return schema_of("membership", TypeAdapter(MembershipRecord), mode="serialization")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """A change of a customer's membership, or with `forget` the order to drop the customer's earlier records."""

    v: Literal[1] = VERSION
    customer_id: str
    epoch: int
    seq: int
    as_of: int | None = None
    changes: tuple[MembershipChange, ...] = ()
    audience_changes: tuple[AudienceChange, ...] = ()
    forget: bool = False


def history_schema() -> dict[str, Any]:
    """Return the schema of the record value. Readers must ignore unknown fields."""
    return schema_of("membership-history", TypeAdapter(HistoryRecord), mode="serialization")
