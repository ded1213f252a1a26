"""Defines the layout of a row: the settings that shape its fields, and its fingerprint.

Two layouts have the same fingerprint only if their rows mean the same.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import SettingsError
from streamseg.features.aggregates import DAY_PARTS, OTHER_CATEGORY, Aggregate, aggregates
from streamseg.features.fields import (
    FIELDS,
    FORMAT,
    IDENTIFIERS_SINCE,
    SOURCES,
    VISITS_SINCE,
    WINDOWS_SINCE,
    Field,
)
from streamseg.features.identifiers.normal_forms import FORMS, KINDS, IdentifierKind
from streamseg.features.windows.tracked import Tracker, trackers_of
from streamseg.features.words.attributes import Attribute, check_attributes, in_parts, slug
from streamseg.features.words.counted import Counted, counted_kinds
from streamseg.time_units import DAY_SECONDS

__all__ = ["Attribute", "Layout", "Shape", "slug"]


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
