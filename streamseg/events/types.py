"""The event models, named as in GA4. They are the contract: `schemas/` is generated from them and their docstrings.

Sources: GA4 recommended events (names and item fields), RFC 3339 (times), ISO 4217 (currencies). Unknown fields are
ignored, so that producers may send more than is required.
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
    null_as_default,
)


def _open_properties(schema: dict[str, Any]) -> None:
    schema["properties"]["properties"] = {
        "type": "object",
        "description": "The shop's own parameters; streamseg ignores them.",
    }


class Event(Protocol):
    """The attributes of every event. All others depend on the kind: they are the fields of its model."""

    @property
    def event_id(self) -> str:
        """Unique within the customer."""
        ...

    @property
    def customer_id(self) -> str:
        """Id of the customer; the record's key."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """Time of the event, with a UTC offset."""
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
    """Time of the event: RFC 3339 with an offset, 1970 or later."""

    @property
    def at(self) -> float:
        """`occurred_at` in epoch seconds."""
        return self.occurred_at.timestamp()


class _OfCustomer(_Timed):
    model_config = ConfigDict(json_schema_extra=_open_properties)

    event_id: EventId
    """Unique within the customer; a repeated id is a duplicate. UUIDv7 recommended."""
    customer_id: CustomerId
    """Opaque customer id, equal to the record's key: printable characters, no white space, no braces."""


_Pieces = Annotated[float, Field(gt=0, le=1_000_000)]
Quantity = Annotated[_Pieces, null_as_default(_Pieces | None)]


class Item(_Part):
    """One item line of a click or purchase. `item_id` or `item_name` is required."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in ("item_id", "item_name")]})

    item_id: Id | None = None
    item_name: Text | None = None
    item_brand: Text | None = None
    item_category: Text | None = None
    """Top level of the category; levels 2 to 5 refine it."""
    item_category2: Text | None = None
    item_category3: Text | None = None
    item_category4: Text | None = None
    item_category5: Text | None = None
    item_variant: Text | None = None
    price: Amount | None = None
    """Unit price after discount, in the event's currency."""
    quantity: Quantity = 1.0
    """Pieces, or another unit: 0.55 metres are 0.55."""
    coupon: Text | None = None
    discount: Amount | None = None
    """Discount per unit, in the event's currency."""
    index: Position | None = None
    """Position in the list."""
    item_list_id: Id | None = None

    @model_validator(mode="after")
    def _identified(self) -> Self:
        if not is_identified(self):
            raise PydanticCustomError("item", "needs an item_id or an item_name")
        return self


def is_identified(item: Item) -> bool:
    """Return whether the line has an `item_id` or an `item_name`."""
    return item.item_id is not None or item.item_name is not None


_Lines = Annotated[tuple[Item, ...], Field(max_length=MAX_ITEMS)]
Items = Annotated[_Lines, at_most(MAX_ITEMS), null_as_default(_Lines | None)]
PurchaseName = Annotated[Literal["purchase", "refund"], null_as_default(Literal["purchase", "refund"] | None)]
Scope = Annotated[Literal["all"], null_as_default(Literal["all"] | None)]


class Purposes(_Part):
    """One answer per purpose. A missing or null purpose keeps its earlier answer; unknown purposes are ignored."""

    ads: bool | None = None
    """Ad servers may see the customer's segments."""
    personalisation: bool | None = None
    """The shop may be personalised for the customer."""
    analytics: bool | None = None
    """The customer's behaviour may be used for learning segments."""


class Click(_OfCustomer):
    """A browse event with any GA4 name except `purchase` and `refund`, which belong on the purchases topic."""

    event_name: ClickName
    """`view_item`, `add_to_cart`, `session_start`, `search`, or a custom name."""
    session_id: Id | None = None
    anonymous_id: Id | None = None
    page_location: Url | None = None
    page_referrer: Url | None = None
    device_category: Device | None = None
    browser: Text | None = None
    """Name of the browser, such as `Mobile Safari`; its family counts."""
    platform: Text | None = None
    """`web`, or `ios`, `android` or `app` for an app."""
    search_term: Text | None = None
    items: Items = ()
    value: Amount | None = None
    currency: Currency | None = None
    """Currency of `value` and of the item prices; default: the configured currency."""
    consent: Purposes | None = None
    """Consent as known to the page; ignored: only events on the consents topic change the stored consent."""


class Purchase(_OfCustomer):
    """One transaction with its items, or a refund, which is subtracted."""

    event_name: PurchaseName = "purchase"
    transaction_id: Annotated[str, Field(min_length=1, max_length=256)]
    """Id of the order. Purchases of a customer with one transaction id are one purchase: the first that is read counts.
    A refund names the order that it refunds, and is told from other refunds by its `event_id`."""
    value: Amount
    """Amount paid for the items, without tax and shipping; in a refund, the amount paid back."""
    currency: Currency
    tax: Amount | None = None
    shipping: Amount | None = None
    coupon: Text | None = None
    affiliation: Text | None = None
    items: Items = ()
    session_id: Id | None = None
    anonymous_id: Id | None = None
    device_category: Device | None = None
    purchased_at: PastMoment | None = None
    """In a refund: when the refunded purchase occurred, at most `occurred_at`. Decayed sums subtract from that time;
    without it, from `occurred_at`. Ignored in a purchase."""

    @model_validator(mode="after")
    def _refunds_the_past(self) -> Self:
        if not is_refund_of_the_past(self):
            raise PydanticCustomError("purchased_at", "purchased_at must not be after occurred_at")
        return self


def is_refund_of_the_past(purchase: Purchase) -> bool:
    """Return whether a refund's `purchased_at` is missing or not after `occurred_at`; True for a purchase."""
    refunded, refund = purchase.purchased_at, purchase.event_name == "refund"
    return refunded is None or not refund or refunded <= purchase.occurred_at


class Profile(_OfCustomer):
    """Customer attributes sent by the shop, such as age, country or company size."""

    traits: Traits
    """Values by name. Null removes a value; traits that are not named keep theirs. `email` and `phone`, plain or as
    SHA-256 in hexadecimal digits, are matched with uploaded lists: rows keep eight bytes of the hash where settings ask
    for it."""
    merged_from: NoMerge = None
    """Must be null or absent: merging customers is not supported yet."""

    @property
    def attributes(self) -> dict[str, str | float | bool | None]:
        """The traits, under the name that this project uses."""
        return self.traits


class Consent(_OfCustomer):
    """A customer's consent from this time on."""

    consent: Purposes
    source: Id | None = None
    """Where the customer answered: `tcf`, `gpp`, `gpc`, `app`, ..."""
    policy_version: Id | None = None

    @property
    def ads(self) -> bool | None:
        """Consent to ads; None if not answered."""
        return self.consent.ads

    @property
    def personalisation(self) -> bool | None:
        """Consent to personalisation; None if not answered."""
        return self.consent.personalisation

    @property
    def analytics(self) -> bool | None:
        """Consent to analytics; None if not answered."""
        return self.consent.analytics


class Erasure(_OfCustomer):
    """A request to erase the customer and all events up to and including `occurred_at`."""

    scope: Scope = "all"
    requested_at: Moment | None = None
    """When the customer asked. Events are erased up to `occurred_at`, not up to this time."""
    request_id: Id | None = None
    reason: Text | None = None


class Heartbeat(_Timed):
    """Advances a partition's clock while there are no events: a record without a key, type `streamseg.heartbeat.v1`."""

    ends_history: bool = False
    """Whether all that there is of a history was sent before it: models without segments wait for no more of it."""


class Probe(_Timed):
    """Shows that a partition's path works: a record without a key, type `streamseg.probe.v1`, sent by its worker.

    `occurred_at` is the wall time when it was sent. It is no event, and moves no clock.
    """


EVENT_TYPES: Final[tuple[type[_OfCustomer], ...]] = (Click, Purchase, Profile, Consent, Erasure)
"""The models in the order of the input topics. An event's *kind* is its index here."""

KINDS: Final = tuple(model.__name__.lower() for model in EVENT_TYPES)
"""Name of each kind: click, purchase, profile, consent, erasure."""
