"""Generates the JSON Schema of the change topic, `streamseg.memberships`: a membership and its changes."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from streamseg.events.schema import schema_of
from streamseg.membership.encoding import VERSION
from streamseg.membership.types import Membership, MembershipChange


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord(Membership):
    """A customer's membership after a change. A null value (tombstone) means: erased or expired."""

    v: Literal[1] = VERSION
    changes: tuple[MembershipChange, ...]


def membership_schema() -> dict[str, Any]:
    """Return the schema of the record value. Readers must ignore unknown fields."""
    return schema_of("membership", TypeAdapter(MembershipRecord), mode="serialization")
