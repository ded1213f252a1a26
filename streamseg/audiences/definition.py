"""What an audience is: whom somebody wants to reach, by a rule, for a purpose.

This is the schema of audiences wherever they are written: in files, in the API, on the topic.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from streamseg.audiences.written.ends import Expiry, end_of
from streamseg.audiences.written.leaves import AudienceId, Table
from streamseg.audiences.written.written_rules import Rule
from streamseg.events.schema import schema_of

MINIMUM_SIZE: Final = 50
PURPOSES: Final = ("ads", "content", "analytics")
"""What audiences are for, in the order of a row's answers; content asks for consent to personalisation."""


class Audience(Table):
    """A group of customers that somebody has in mind."""

    id: AudienceId
    """Never changes, and does not come back after the audience was dropped."""
    name: Annotated[str, Field(min_length=1, max_length=100)]
    """For people; may change."""
    description: Annotated[str, Field(max_length=1000)] = ""
    purpose: Literal["ads", "content", "analytics"]
    """What it is used for. Customers who do not consent to that are left out."""
    time_zone: Annotated[str, Field(min_length=1)] | None = None
    """Zone of birthdays and of the last day; default: the shop's. Amounts are by days of the shop's."""
    rule: Rule
    """Who belongs to it."""
    minimum_size: Annotated[int, Field(ge=1)] = MINIMUM_SIZE
    """With fewer members who consent to the purpose it is not used."""
    expires: Expiry = None
    """When it ends: a time with its zone, or the last day."""

    def ends_at(self, time_zone: str) -> float | None:
        """Return when it ends, epoch seconds; None for never. Days are those of the time zone."""
        return end_of(self.expires, time_zone)

    def written(self) -> dict[str, Any]:
        """Return the definition as JSON values, without what is the default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class Definitions(Table):
    """A file of audiences."""

    audience: Annotated[tuple[Audience, ...], Field(strict=False, min_length=1)]


def definitions_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of audiences."""
    return schema_of("audiences", TypeAdapter(Definitions))
