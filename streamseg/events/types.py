"""The events, in GA4's words. These models are the contract: `schemas/` is made from them.

Sources: GA4 recommended events (names and item fields), RFC 3339 (times), ISO 4217 (currencies). Unknown fields are
ignored, so that producers may send more than is asked for.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from streamseg.events.fields import (
    MAX_ITEMS,
    Amount,
    ClickName,
    Currency,
    CustomerId,
    Device,
    EventId,
    Id,
    Moment,
    NoMerge,
    PastMoment,
    Position,
    Text,
    Traits,
    Url,
    at_most,
)


def _open_properties(schema: dict[str, Any]) -> None:
    schema["properties"]["properties"] = {
        "type": "object",
        "description": "The shop's own parameters; streamseg does not read them.",
    }


class Event(Protocol):
    """What every event has. Features read the rest by attribute: fields of the model of the event's topic."""

    @property
    def event_id(self) -> str:
        """Unique within the customer."""
        ...

    @property
    def customer_id(self) -> str:
        """Whose it is; the record's key."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """When it happened, with an offset."""
        ...

    @property
    def at(self) -> float:
        """`occurred_at` in epoch seconds."""
        ...


class _Part(BaseModel):
    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", allow_inf_nan=False, use_attribute_docstrings=True
    )


class _Timed(_Part):
    occurred_at: PastMoment
    """When it happened: RFC 3339 with an offset, from 1970 on."""

    @property
    def at(self) -> float:
        """`occurred_at` in epoch seconds."""
        return self.occurred_at.timestamp()


class _OfCustomer(_Timed):
    model_config = ConfigDict(json_schema_extra=_open_properties)

    event_id: EventId
    """Unique within the customer; the same id again is a duplicate. Best a UUIDv7."""
    customer_id: CustomerId
    """Opaque id of the customer, and the record's key: printable, no white space, no braces."""


class Item(_Part):
    """One line of a click or a purchase; at least one of `item_id` and `item_name`."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in ("item_id", "item_name")]})

    item_id: Id | None = None
    item_name: Text | None = None
    item_brand: Text | None = None
    item_category: Text | None = None
    """The first level; 2 to 5 refine it."""
    item_category2: Text | None = None
    item_category3: Text | None = None
    item_category4: Text | None = None
    item_category5: Text | None = None
    item_variant: Text | None = None
    price: Amount | None = None
    """Of one piece, discount taken off, in the event's currency."""
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    coupon: Text | None = None
    discount: Amount | None = None
    """Taken off one piece."""
    index: Position | None = None
    """Place in the list."""
    item_list_id: Id | None = None

    @model_validator(mode="after")
    def _identified(self) -> Self:
        if not is_identified(self):
            raise PydanticCustomError("item", "needs an item_id or an item_name")
        return self


def is_identified(item: Item) -> bool:
    """Whether the line says which item it is."""
    return item.item_id is not None or item.item_name is not None


Items = Annotated[tuple[Item, ...], Field(max_length=MAX_ITEMS), at_most(MAX_ITEMS)]


class Purposes(_Part):
    """An answer per purpose; a purpose that is left out or null keeps the answer it had. Others are ignored."""

    ads: bool | None = None
    """May be a member of segments that ad servers see."""
    personalisation: bool | None = None
    """May see a shop that fits."""
    analytics: bool | None = None
    """May be learned from."""


class Click(_OfCustomer):
    """A browse event, of any GA4 name but `purchase` and `refund`: those go to the topic of purchases."""

    event_name: ClickName
    """`view_item`, `add_to_cart`, `session_start`, `search`, or a name of the shop's own."""
    session_id: Id | None = None
    anonymous_id: Id | None = None
    page_location: Url | None = None
    page_referrer: Url | None = None
    device_category: Device | None = None
    search_term: Text | None = None
    items: Items = ()
    value: Amount | None = None
    currency: Currency | None = None
    """Of `value` and of the items' prices; without it they are in the configured currency."""
    consent: Purposes | None = None
    """As the page knew it; only the topic of consents changes what is kept."""


class Purchase(_OfCustomer):
    """One transaction with its items, or a refund, which subtracts."""

    event_name: Literal["purchase", "refund"] = "purchase"
    transaction_id: Annotated[str, Field(min_length=1, max_length=256)]
    value: Amount
    """What was paid for the items, without tax and shipping; of a refund, what was paid back."""
    currency: Currency
    tax: Amount | None = None
    shipping: Amount | None = None
    coupon: Text | None = None
    affiliation: Text | None = None
    items: Items = ()
    session_id: Id | None = None
    anonymous_id: Id | None = None
    device_category: Device | None = None


class Profile(_OfCustomer):
    """Attributes that the shop sends: age, country, company size."""

    traits: Traits
    """By name; null takes a value back, and what is not named stays as it is."""
    merged_from: NoMerge = None
    """Merging customers is refused for now."""

    @property
    def attributes(self) -> dict[str, str | float | bool | None]:
        """The traits, in this project's word for them."""
        return self.traits


class Consent(_OfCustomer):
    """What a customer allows from now on."""

    consent: Purposes
    source: Id | None = None
    """Where the answer was given: `tcf`, `gpp`, `gpc`, `app`, ..."""
    policy_version: Id | None = None

    @property
    def ads(self) -> bool | None:
        """The answer for ads; None when nothing is stated."""
        return self.consent.ads

    @property
    def personalisation(self) -> bool | None:
        """The answer for personalisation; None when nothing is stated."""
        return self.consent.personalisation

    @property
    def analytics(self) -> bool | None:
        """The answer for analytics; None when nothing is stated."""
        return self.consent.analytics


class Erasure(_OfCustomer):
    """A request to forget the customer and all that occurred up to `occurred_at`."""

    scope: Literal["all"] = "all"
    requested_at: Moment | None = None
    """When the customer asked; `occurred_at` is the moment up to which is forgotten."""
    request_id: Id | None = None
    reason: Text | None = None


class Heartbeat(_Timed):
    """Carries a partition's clock through silence: a record without a key, of type `streamseg.heartbeat.v1`."""


EVENT_TYPES: Final[tuple[type[_OfCustomer], ...]] = (Click, Purchase, Profile, Consent, Erasure)
"""In the order of the input topics; an event's *kind* is its position in here."""

KINDS: Final = tuple(model.__name__.lower() for model in EVENT_TYPES)
"""The kinds by name: click, purchase, profile, consent, erasure."""
