"""The value of `streamseg.memberships`, as a schema: the membership string, and what changed."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from streamseg.events.schema import schema_of
from streamseg.membership.encoding import VERSION
from streamseg.membership.types import Membership, MembershipChange


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(Membership):
    """The membership of a customer after a change. A null value instead: the customer is erased or has left."""

    v: Literal[1] = VERSION
    changes: tuple[MembershipChange, ...]


def membership_schema() -> dict[str, Any]:
    """The schema of the value; readers pass over fields they do not know."""
    return schema_of("membership", TypeAdapter(MembershipRecord), mode="serialization")
