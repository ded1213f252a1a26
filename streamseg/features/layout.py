"""Defines the layout of a row: the table of stored fields, the settings that shape it, and its fingerprint.

Two layouts have the same fingerprint only if their rows mean the same.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import SettingsError
from streamseg.features.aggregates import DAY_PARTS, OTHER_CATEGORY, Aggregate, aggregates
from streamseg.features.identifiers.normal_forms import FORMS, KINDS, IdentifierKind
from streamseg.features.windows.tracked import Tracker, trackers_of
from streamseg.features.words.attributes import Attribute, check_attributes, in_parts, slug
from streamseg.features.words.counted import Counted, counted_kinds
from streamseg.time_units import DAY_SECONDS

__all__ = ["FIELDS", "FORMAT", "NEVER", "SOURCES", "Attribute", "Field", "Layout", "slug"]

SOURCES: Final = 5
FORMAT: Final = 5
"""Format of stored rows: the greatest `Field.added`. Rows of earlier formats lack the fields that were added later."""
VISITS_SINCE: Final = 3
"""First format that holds visits instead of sums of clicks by day part and weekend."""
WINDOWS_SINCE: Final = 4
"""First format that can hold times and amounts for windows, and audiences."""
IDENTIFIERS_SINCE: Final = 5
"""First format that can hold hashes of identifiers."""
NEVER: Final = -np.inf
"""Time of an event that never happened: earlier than any other."""


class Field(NamedTuple):
    """One field of a stored row: numpy type, value in a fresh row, and meaning.

    `of` names what the field has one element for: per input topic, per segmentation, ...; empty for a scalar.
    `name`, `type` and `of` are part of the layout's fingerprint: changing one makes stored rows unreadable. To add a
    field, give it the next format (`added`): rows of earlier formats are then converted when they are read.
    """

    name: str
    type: str
    of: Literal[
        "", "topic", "event id", "segmentation", "attribute", "day part", "sum",
        "tracked time", "tracker", "spent day", "days spent", "audience", "set of audiences",
        "identifier", "identifier form",
    ]  # fmt: skip
    fresh: float
    meaning: str
    added: int = 1


FIELDS: Final = (
    Field("first_seen", "<f8", "", np.inf, "time of the earliest event"),
    Field("last_seen", "<f8", "", NEVER, "time of the latest event; the anchor of the sums"),
    Field("last_click", "<f8", "", NEVER, "time of the latest click"),
    Field("last_purchase", "<f8", "", NEVER, "time of the latest purchase; refunds do not count"),
    Field("erased_at", "<f8", "", NEVER, "time of the latest erasure; events up to it are ignored"),
    Field("ads_at", "<f8", "", NEVER, "time of the consent that `ads` holds"),
    Field("personalisation_at", "<f8", "", NEVER, "time of the consent that `personalisation` holds"),
    Field("analytics_at", "<f8", "", NEVER, "time of the consent that `analytics` holds", added=2),
    Field("spend_minor", "<i8", "", 0, "purchases minus refunds, in minor units; exact, never decayed"),
    Field("fences", "<i8", "topic", -1, "last applied offset per input topic, in their order"),
    Field("ring", "<u8", "event id", 0, "hashes of the latest identities, 0 is empty; last quarter: purchases"),
    Field("visits", "<u8", "day part", 0, "bit n: a visit n days before `visited_day`; see `visits.py`", added=3),
    Field("attribute_at", "<f8", "attribute", NEVER, "time of the profile that set the attribute"),
    Field("attributes", "<f8", "attribute", np.nan, "a number, or the index of a listed value; NaN is missing"),
    Field("identified_at", "<f8", "identifier", NEVER, "time of the profile that told the identifier", added=5),
    Field("identifiers", "<u8", "identifier form", 0, "first bytes of SHA-256 of each normal form; 0 is none", added=5),
    Field("transactions", "<u4", "", 0, "purchases; exact, never decayed"),
    Field("events", "<u4", "", 0, "events absorbed; modulo 3/4 of the ring, the next index in it"),
    Field("seq", "<u4", "", 0, "sequence number of the latest membership"),
    Field("published_at", "<u4", "", 0, "partition's clock when the latest membership was published"),
    Field("published_wall", "<u4", "", 0, "wall time when the latest membership was published; 0 is withdrawn"),
    Field("segment", "<u4", "segmentation", 0, "code of the settled segment; 0 is unassigned"),
    Field("candidate", "<u4", "segmentation", 0, "code of the segment that was nearer at the latest look; 0 is none"),
    Field("since", "<u4", "segmentation", 0, "time when the segment was entered"),
    Field("looked_at", "<u4", "segmentation", 0, "time of the latest look; 0 if the next look begins a tick"),
    Field("learned_at", "<u4", "segmentation", 0, "time when the vector was last sampled for learning"),
    Field("held_segment", "<u4", "segmentation", 0, "`segment` before the tick of the latest look", added=2),
    Field("held_candidate", "<u4", "segmentation", 0, "`candidate` before the tick of the latest look", added=2),
    Field("visited_day", "<u4", "", 0, "local day of the latest visit: days since 1970", added=3),
    Field("tracked_times", "<u4", "tracked time", 0, "latest times of each tracked event, greatest first", added=4),
    Field("tracked_from", "<u4", "tracker", 0, "events up to this time may be missing; 0 if none is", added=4),
    Field("spent_day", "<u4", "days spent", 0, "local day of the latest amount: days since 1970", added=4),
    Field("spent_from", "<u4", "days spent", 0, "first day whose amounts are complete; 0 if all are", added=4),
    Field("entered", "<u4", "audience", 0, "time when the audience was entered; 0 if the customer is outside", added=4),
    Field("audiences_as_of", "<u4", "set of audiences", 0, "generation of the audiences at the latest look", added=4),
    Field("due_at", "<u4", "set of audiences", 0, "when to look again if no event comes; 0 for never", added=4),
    Field("identified_from", "<u4", "identifier", 0, "profiles up to this time may be missing; 0 if none is", added=5),
    Field("spent", "<i4", "spent day", 0, "purchases minus refunds by days before `spent_day`, minor units", added=4),
    Field("sums", "<f4", "sum", 0, "decayed sums, as of last_seen"),
    Field("ads", "|i1", "", -1, "consent to ads: 1 yes, 0 no, -1 unknown"),
    Field("personalisation", "|i1", "", -1, "consent to personalisation: 1 yes, 0 no, -1 unknown"),
    Field("analytics", "|i1", "", -1, "consent to analytics: 1 yes, 0 no, -1 unknown", added=2),
    Field("streak", "|u1", "segmentation", 0, "consecutive ticks at whose end the candidate was nearer"),
    Field("held_streak", "|u1", "segmentation", 0, "`streak` before the tick of the latest look", added=2),
)
"""Fields in stored order, widest first, so that all are aligned.

Event times are epoch seconds as float64, `NEVER` if there was no event. Times of our own decisions are whole epoch
seconds, 0 if there was none. A row has the same bytes in memory and in the store.
"""


class Shape(NamedTuple):
    """What layouts may differ in whose rows can be read: segmentations, and what rows keep for audiences."""

    segmentations: tuple[str, ...]
    trackers: tuple[Tracker, ...] = ()
    spent_days: int = 0
    audiences: int = 0
    identifiers: tuple[IdentifierKind, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The settings that decide what a stored row means, and the priors of its vectors. Created by `Layout.of`.

    >>> layout = Layout.of(segmentations=("behaviour", "value"), categories=("Trail Shoes",))
    >>> layout.categories, layout.dtype["segment"].shape
    (('trail_shoes',), (2,))
    >>> layout.fingerprint == Layout.of(segmentations=("behaviour",)).fingerprint
    False
    """

    half_life_seconds: float
    recent_half_life_seconds: float
    categories: tuple[str, ...]
    time_zone: str
    remembered_event_ids: int
    currency: str
    minor_units: int
    segmentations: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    typical_price: float = 30.0
    typical_order: float = 60.0
    brand_groups: int = 0
    counted: tuple[Counted, ...] = ()
    category_groups: int = 0
    trackers: tuple[Tracker, ...] = ()
    """Events whose latest times are kept."""
    spent_days: int = 0
    """Days whose amounts are kept."""
    audiences: int = 0
    """Columns for audiences: the most that there can be at a time."""
    identifiers: tuple[IdentifierKind, ...] = ()
    """Kinds of identifiers of which rows keep hashes, in the order of `KINDS`."""
    phone_country_code: str = ""
    """Digits before phone numbers that are written without a country code; does not change what is stored already."""
    format: int = FORMAT
    """Only rows that were written by an earlier release have another one."""
    earlier: tuple[Shape, ...] = ()
    """Shapes of other layouts whose rows can be read; those layouts are equal in all else."""

    @classmethod
    def of(
        cls,
        *,
        half_life_days: float = 30.0,
        recent_half_life_days: float = 7.0,
        categories: Sequence[str] = (),
        time_zone: str = "UTC",
        remembered_event_ids: int = 8,
        currency: str = "EUR",
        minor_units: int = 2,
        segmentations: Sequence[str] = ("behaviour",),
        attributes: Sequence[Attribute] = (),
        typical_price: float = 30.0,
        typical_order: float = 60.0,
        brand_groups: int = 0,
        counted: Sequence[str] = (),
        search_groups: Mapping[str, Sequence[str]] | None = None,
        category_groups: int = 0,
        tracked: Mapping[str, int] | None = None,
        spent_days: int = 0,
        audiences: int = 0,
        identifiers: Sequence[IdentifierKind] = (),
        phone_country_code: str = "",
    ) -> "Layout":
        """Create a layout from values of the settings.

        Args:
            half_life_days: half-life of the sums that describe habits.
            recent_half_life_days: half-life of the sums that show recent changes.
            categories: item categories, matched case-insensitively; all others count as `other`.
            time_zone: IANA name of the zone that defines hour and weekend.
            remembered_event_ids: size of the ring of event ids; 0 turns duplicate detection off.
            currency: ISO 4217 code of all amounts.
            minor_units: decimal places of the currency.
            segmentations: names; rows keep one settled segment for each.
            attributes: profile attributes to keep.
            typical_price: prior of the price level, in major units, for customers without views or purchases.
            typical_order: prior of the order value, in major units.
            brand_groups: number of hash groups for brands; more groups give a more exact estimate, 0 keeps none.
            counted: what else of clicks is counted: `channel`, `browser`, `platform`.
            search_groups: words of search terms by the name of their group.
            category_groups: number of hash groups for categories, where none are listed; 0 keeps none.
            tracked: how many of the latest times are kept, by event.
            spent_days: number of days whose amounts are kept.
            audiences: the most audiences at a time.
            identifiers: kinds of identifiers of which hashes are kept.
            phone_country_code: digits before phone numbers that are written without a country code.

        Raises:
            SettingsError: two categories, attributes, or values of one attribute have the same feature name, a
                category is named `other`, or an event cannot be tracked.
        """
        check_attributes(attributes)
        slugs = tuple(slug(category) for category in categories)
        taken = {"", OTHER_CATEGORY}
        for category, name in zip(categories, slugs, strict=True):
            if name in taken:
                raise SettingsError(
                    f"setting features.categories: {category!r} is empty, reserved (`other`) or a duplicate"
                )
            taken.add(name)
        return cls(
            half_life_seconds=half_life_days * DAY_SECONDS,
            recent_half_life_seconds=recent_half_life_days * DAY_SECONDS,
            categories=slugs,
            time_zone=time_zone,
            remembered_event_ids=remembered_event_ids,
            currency=currency,
            minor_units=minor_units,
            segmentations=tuple(segmentations),
            attributes=in_parts(attributes),
            typical_price=typical_price,
            typical_order=typical_order,
            brand_groups=brand_groups,
            counted=counted_kinds(counted, {slug(name): words for name, words in (search_groups or {}).items()}),
            category_groups=category_groups,
            trackers=trackers_of(tracked or {}),
            spent_days=spent_days,
            audiences=audiences,
            identifiers=tuple(kind for kind in KINDS if kind in identifiers),
            phone_country_code=phone_country_code,
        )

    @property
    def shape(self) -> Shape:
        """What layouts may differ in whose rows can be read."""
        return Shape(self.segmentations, self.trackers, self.spent_days, self.audiences, self.identifiers)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Fields of this format, in stored order."""
        return tuple(field for field in FIELDS if field.added <= self.format)

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Sums in stored order."""
        by_click = self.format < VISITS_SINCE
        return aggregates(self.categories, self.brand_groups, self.counted, self.category_groups, by_click=by_click)

    @cached_property
    def sum_index(self) -> dict[str, int]:
        """Position of each sum by name."""
        return {aggregate.name: index for index, aggregate in enumerate(self.aggregates)}

    @cached_property
    def habits(self) -> int:
        """Number of sums with the habit half-life; they are stored first."""
        return sum(not aggregate.recent for aggregate in self.aggregates)

    def decay(self, sums: NDArray[np.float64], age: NDArray[np.float64]) -> None:
        """Decay sums, shape (n, sums), in place by the `age` of each row in seconds, shape (n,)."""
        habit, recent = self.kept(age)
        sums[:, : self.habits] *= habit[:, None]
        sums[:, self.habits :] *= recent[:, None]

    def kept(self, age: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the shares (0-1) of a habit and a recent sum that remain after `age` seconds, each shape (n,)."""
        return np.exp2(-age / self.half_life_seconds), np.exp2(-age / self.recent_half_life_seconds)

    def decayed(self, sums: NDArray[np.float32], age: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return sums, shape (n, sums), after `age` seconds, shape (sums, n), none below 0."""
        habit, recent = self.kept(age)
        found = np.empty((sums.shape[1], sums.shape[0]))
        np.multiply(sums.T[: self.habits], habit, out=found[: self.habits])
        np.multiply(sums.T[self.habits :], recent, out=found[self.habits :])
        return np.maximum(found, 0.0, out=found)

    @property
    def remembered_orders(self) -> int:
        """Number of ring elements that only purchases write: no other event pushes out a customer's latest orders."""
        return self.remembered_event_ids // 4

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """Numpy type of the packed record, in memory and in the store."""
        sizes = {
            "topic": SOURCES,
            "event id": self.remembered_event_ids,
            "attribute": len(self.attributes),
            "segmentation": len(self.segmentations),
            "day part": len(DAY_PARTS),
            "sum": len(self.aggregates),
            "tracked time": sum(one.times for one in self.trackers),
            "tracker": len(self.trackers),
            "spent day": self.spent_days,
            "days spent": int(self.spent_days > 0),
            "audience": self.audiences,
            "set of audiences": int(self.audiences > 0),
            "identifier": len(self.identifiers),
            "identifier form": FORMS * len(self.identifiers),
        }
        return np.dtype(
            [(f.name, f.type, (sizes[f.of],)) if f.of else (f.name, f.type) for f in self.fields],
            align=True,
        )

    @cached_property
    def row_bytes(self) -> int:
        """Size of the record in bytes, without the codec's header."""
        return self.dtype.itemsize

    @cached_property
    def fresh(self) -> NDArray[np.void]:
        """The record of a new customer, shape (1,)."""
        record = np.zeros(1, dtype=self.dtype)
        for field in self.fields:
            record[field.name] = field.fresh
        return record

    @cached_property
    def readable(self) -> dict[str, "Layout"]:
        """Other layouts whose rows can be read, by fingerprint: of earlier formats or `earlier` shapes."""
        others = (
            replace(self, **shape._asdict(), format=format_, earlier=())
            for shape in (self.shape, *self.earlier)
            for format_ in range(1, FORMAT + 1)
        )
        return {other.fingerprint: other for other in others if other.fingerprint != self.fingerprint}

    @cached_property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that are equal for two layouts only if their rows mean the same.

        Priors are not included: they change vectors, not rows.
        """
        content = [
            [[f.name, f.type, f.of] for f in self.fields],
            [[a.name, a.adds] for a in self.aggregates],
            [self.half_life_seconds, self.recent_half_life_seconds, self.time_zone, self.remembered_event_ids],
            [self.currency, self.minor_units, self.segmentations],
            [[a.name, a.values, a.first] if a.found else [a.name, a.values] for a in self.attributes],
        ]
        if self.format >= WINDOWS_SINCE:
            content.append([self.trackers, self.spent_days, self.audiences])
        if self.format >= IDENTIFIERS_SINCE:
            content.append(self.identifiers)
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=4).hexdigest()
