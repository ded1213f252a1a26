"""What a row is made of: the fields, the sums, and a fingerprint that tells two layouts apart."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import SettingsError
from streamseg.features.aggregates import OTHER_CATEGORY, Aggregate, aggregates

SOURCES: Final = 5
NEVER: Final = -np.inf
"""The moment of an event that has not happened: it loses against every real one."""


class Field(NamedTuple):
    """One field of a stored row. `of` names what there is one of per row: a count, or nothing for a scalar."""

    name: str
    type: str
    of: Literal["", "topic", "event id", "segmentation", "attribute", "sum"]
    fresh: float
    meaning: str


FIELDS: Final = (
    Field("first_seen", "<f8", "", np.inf, "time of the earliest event"),
    Field("last_seen", "<f8", "", NEVER, "time of the latest event; the anchor of the sums"),
    Field("last_click", "<f8", "", NEVER, "time of the latest click"),
    Field("last_purchase", "<f8", "", NEVER, "time of the latest purchase; refunds do not count"),
    Field("erased_at", "<f8", "", NEVER, "time of the latest erasure; events up to it are ignored"),
    Field("ads_at", "<f8", "", NEVER, "time of the consent that `ads` holds"),
    Field("personalisation_at", "<f8", "", NEVER, "the same for `personalisation`"),
    Field("spend_minor", "<i8", "", 0, "purchases minus refunds, in minor units; exact, never decayed"),
    Field("fences", "<i8", "topic", -1, "last offset absorbed, in the order of the input topics"),
    Field("ring", "<u8", "event id", 0, "hashes of the latest event ids; 0 is none"),
    Field("attribute_at", "<f8", "attribute", NEVER, "time of the profile that `attributes` holds"),
    Field("attributes", "<f8", "attribute", np.nan, "a number, or the index of a category; NaN is missing"),
    Field("transactions", "<u4", "", 0, "purchases; exact, never decayed"),
    Field("events", "<u4", "", 0, "events absorbed; its remainder is the next place in the ring"),
    Field("seq", "<u4", "", 0, "number of the latest membership"),
    Field("published_at", "<u4", "", 0, "partition's clock at the latest membership"),
    Field("published_wall", "<u4", "", 0, "wall time of the latest membership"),
    Field("segment", "<u4", "segmentation", 0, "code of the segment settled in; 0 is unassigned"),
    Field("candidate", "<u4", "segmentation", 0, "code of the segment that was nearer at the latest look"),
    Field("since", "<u4", "segmentation", 0, "when the segment was entered"),
    Field("looked_at", "<u4", "segmentation", 0, "when the latest look was taken"),
    Field("learned_at", "<u4", "segmentation", 0, "when the vector was last sampled for learning"),
    Field("sums", "<f4", "sum", 0, "decayed sums, as of last_seen"),
    Field("ads", "|i1", "", -1, "consent to ads: 1 yes, 0 no, -1 unknown"),
    Field("personalisation", "|i1", "", -1, "consent to personalisation: 1 yes, 0 no, -1 unknown"),
    Field("streak", "|u1", "segmentation", 0, "looks in a row at which the candidate was nearer"),
)
"""In the order in which they are stored, widest first, so that all are aligned.

Times of events are epoch seconds as float64, `NEVER` where there was none. Times of our own decisions are whole epoch
seconds, 0 where there was none. In memory and in the store a row is the same bytes.
"""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A profile attribute that rows keep: one of `values`, or a number when there are none.

    `typical` is the number that stands in a vector for a missing one; `skewed` numbers are compared by their logarithm.
    """

    name: str
    values: tuple[str, ...] = ()
    typical: float = 0.0
    skewed: bool = False


@dataclass(frozen=True)
class Layout:
    """Everything that decides what a stored row means, and the priors of its vectors. Make it with `Layout.of`."""

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
    earlier: tuple[tuple[str, ...], ...] = ()
    """The segmentations of other layouts whose rows are read too: all else in them is the same."""

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
    ) -> "Layout":
        """Make a layout from the values of the settings.

        Args:
            half_life_days: of the sums that describe habit.
            recent_half_life_days: of the sums that show what changed lately.
            categories: item categories, matched case-insensitively; the rest is `other`.
            time_zone: IANA name, in which hour and weekend are counted.
            remembered_event_ids: size of the ring; 0 compares no ids.
            currency: ISO 4217 code of all amounts.
            minor_units: decimal places of the currency.
            segmentations: their names; settling is kept for each.
            attributes: what is kept of profiles.
            typical_price: price in major units that is assumed of a customer who has seen or bought nothing yet.
            typical_order: the same for the value of an order.
            brand_groups: in how many groups brands are counted by their hash; 0 keeps nothing of them.

        Raises:
            SettingsError: two categories, attributes, or values of one attribute, have the same feature name, or a
                category is called `other`.
        """
        _check_attributes(attributes)
        slugs = tuple(slug(category) for category in categories)
        taken = {"", OTHER_CATEGORY}
        for category, name in zip(categories, slugs, strict=True):
            if name in taken:
                raise SettingsError(f"setting features.categories: {category!r} is empty, `other`, or there twice")
            taken.add(name)
        return cls(
            half_life_seconds=half_life_days * 86_400,
            recent_half_life_seconds=recent_half_life_days * 86_400,
            categories=slugs,
            time_zone=time_zone,
            remembered_event_ids=remembered_event_ids,
            currency=currency,
            minor_units=minor_units,
            segmentations=tuple(segmentations),
            attributes=tuple(attributes),
            typical_price=typical_price,
            typical_order=typical_order,
            brand_groups=brand_groups,
        )

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The sums in stored order."""
        return aggregates(self.categories, self.brand_groups)

    @cached_property
    def sum_index(self) -> dict[str, int]:
        """Position of each sum by name."""
        return {aggregate.name: index for index, aggregate in enumerate(self.aggregates)}

    @cached_property
    def habits(self) -> int:
        """How many sums have the habit half-life; they come first."""
        return sum(not aggregate.recent for aggregate in self.aggregates)

    def decay(self, sums: NDArray[np.float64], age: NDArray[np.float64]) -> None:
        """Let sums of shape (n, sums) grow older in place, each row by its `age` in seconds, shape (n,)."""
        habit, recent = self.kept(age)
        sums[:, : self.habits] *= habit[:, None]
        sums[:, self.habits :] *= recent[:, None]

    def kept(self, age: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is left of a habit sum and of a recent one after an `age` in seconds, as shares of it, each (n,)."""
        return np.exp2(-age / self.half_life_seconds), np.exp2(-age / self.recent_half_life_seconds)

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The packed record: a row's bytes in memory and in the store."""
        sizes = {
            "topic": SOURCES,
            "event id": self.remembered_event_ids,
            "attribute": len(self.attributes),
            "segmentation": len(self.segmentations),
            "sum": len(self.aggregates),
        }
        return np.dtype(
            [(f.name, f.type, (sizes[f.of],)) if f.of else (f.name, f.type) for f in FIELDS],
            align=True,
        )

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of the record, without the codec's header."""
        return self.dtype.itemsize

    @cached_property
    def fresh(self) -> NDArray[np.void]:
        """The record of a customer of whom nothing is known, as an array of one."""
        record = np.zeros(1, dtype=self.dtype)
        for field in FIELDS:
            record[field.name] = field.fresh
        return record

    @cached_property
    def readable(self) -> dict[str, "Layout"]:
        """The layouts of the `earlier` segmentations, by fingerprint."""
        others = (replace(self, segmentations=names, earlier=()) for names in self.earlier)
        return {other.fingerprint: other for other in others}

    @cached_property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that are the same for, and only for, rows of the same meaning.

        The priors are left out: they change vectors, not rows. So is the codec's format, which can be upgraded.
        """
        content = [
            [[f.name, f.type, f.of] for f in FIELDS],
            [[a.name, a.adds] for a in self.aggregates],
            [self.half_life_seconds, self.recent_half_life_seconds, self.time_zone, self.remembered_event_ids],
            [self.currency, self.minor_units, self.segmentations],
            [[a.name, a.values] for a in self.attributes],
        ]
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=4).hexdigest()


def _check_attributes(attributes: Sequence[Attribute]) -> None:
    if len({slug(attribute.name) for attribute in attributes} - {""}) < len(attributes):
        raise SettingsError("setting features.attributes: two of the names make the same feature name, or none at all")
    for attribute in attributes:
        if len({slug(value) for value in attribute.values} - {""}) < len(attribute.values):
            raise SettingsError(
                f"setting features.attributes.{attribute.name}.values: two make the same feature name, or none at all"
            )


def slug(text: str) -> str:
    """A category's or value's name as it stands in a feature's name: lower case, one `_` for all between words."""
    return re.sub(r"\W+", "_", text.casefold()).strip("_")
