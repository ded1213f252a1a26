"""What rules can speak of in a shop: features, traits, tracked events, categories, segmentations, lists, its currency.

Each question is answered with what a predicate needs, or with `WrongNameError`: what is wrong, and the nearest known
name.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from streamseg.audiences.predicates import InGroup
from streamseg.clustering.identity import OUTSIDE, code_of, segmentation_of
from streamseg.clustering.population import OF_ROWS
from streamseg.features.feature import YES_OR_NO, Feature
from streamseg.features.words.attributes import Attribute, slug
from streamseg.nearest_names import did_you_mean

TIME_BYTES: Final = 4
"""Of a row, for each time that is kept of an event."""
_LISTED: Final = 12
"""So many known names are listed where none is near."""


class WrongNameError(ValueError):
    """Something is not known, or not so. `field` is the name in the table of the rule that holds it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Vocabulary:
    """What rules can speak of."""

    features: Mapping[str, Feature]
    """The catalogue of the rows' layout."""
    attributes: Sequence[Attribute]
    """Profile attributes of the layout."""
    tracked: Mapping[str, int]
    """How many of the latest times rows keep, by event; those of one category are named as in `view.running`."""
    spent_days: int
    """How many calendar days of amounts rows keep, today included; 0 for none."""
    categories: Sequence[str]
    """Item categories that are told apart."""
    segmentations: Mapping[str, Mapping[str, int]]
    """All segmentations, each with the codes of its declared groups by their names."""
    currency: str
    minor_units: int
    time_zone: str
    """Zone of the calendar days."""
    identifiers: Sequence[str] = ()
    """Kinds of identifiers of which rows keep hashes."""
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What the uploaded lists hold, by their ids: `id` and kinds of identifiers."""
    declared: Collection[str] = ()
    """The segmentations that have declared groups only: their segments have rules."""

    def figure(self, name: str) -> str:
        """Return the figure with this name: a feature as observed, or a count that the row keeps."""
        known = dict.fromkeys((*self.features, *OF_ROWS))
        if name not in known:
            if self._attribute(name) is not None:
                raise WrongNameError("feature", f"{name} is a profile trait, no feature: write trait = {name!r}")
            raise WrongNameError(
                "feature", f"there is no feature {name}{did_you_mean(name, known, '; `streamseg features` lists them')}"
            )
        return name

    def check_number(self, field: str, figure: str, number: float) -> None:
        """Refuse a number that the figure can never come near, as by another unit."""
        unit = self.features[figure].unit if figure in self.features else ""
        if unit == "share" and not 0 <= number <= 1:
            raise WrongNameError(field, f"{figure} is a share from 0 to 1, not {number:g}: 30 % is 0.3")
        if unit == YES_OR_NO and number not in {0, 1}:
            raise WrongNameError(field, f"{figure} is 0 or 1, not {number:g}")

    def attribute(self, name: str) -> Attribute | None:
        """Return the profile attribute of a trait; None where the name is that of what its values are grouped as."""
        found = self._attribute(name)
        if found is None and not self.groups(name):
            known = [name for one in self.attributes if not one.part for name in (one.name, one.group_as) if name]
            raise WrongNameError("trait", f"there is no trait {name}{_near(name, known, 'traits')}")
        return found

    def date(self, name: str) -> str:
        """Return the profile attribute that holds a date as a number."""
        found = self._attribute(name)
        if found is None:
            known = [one.name for one in self.attributes if not one.values and not one.found]
            raise WrongNameError("birthday", f"there is no trait {name}{_near(name, known, 'numbers of profiles')}")
        if found.values or found.found:
            raise WrongNameError("birthday", f"{name} is no date: it must be a number such as 19900517, or 517")
        return found.name

    def groups(self, name: str) -> dict[str, str]:
        """Return the features of what values of an attribute are grouped as, such as `generation`, by group."""
        block = f"profile_{slug(name)}"
        grouped = {slug(one.group_as) for one in self.attributes if one.group_as}
        if slug(name) not in grouped:
            return {}
        return {one.value: feature for feature, one in self.features.items() if one.block == block}

    def tracker(self, field: str, event: str, category: str | None, times: int, counted: str) -> str:
        """Return the name under which rows keep the latest times of an event.

        `times` are needed, because the rule says so in the field `counted`; `field` names the event.
        """
        name, said = event, event
        if category is not None:
            name, said = f"{event}.{self._category(category)}", f"{event} in {category}"
        known = dict.fromkeys(one.partition(".")[0] for one in self.tracked)
        if event not in known:
            raise WrongNameError(field, f"event {event} is not tracked{_near(event, known, 'events')}")
        kept = self.tracked.get(name, 0)
        if times > kept:
            has = f"the latest {kept} times" if kept else "no times"
            cost = (times - kept) * TIME_BYTES
            raise WrongNameError(
                counted, f"rows keep {has} of {said}, and this needs {times}: {cost} more bytes of each row"
            )
        return name

    def minor(self, amount: float) -> int:
        """Return an amount in minor units."""
        exact = Decimal(str(amount)).scaleb(self.minor_units)
        if exact != exact.to_integral_value():
            decimals = f"{self.minor_units} decimals" if self.minor_units else "no decimals"
            raise WrongNameError("spent", f"{self.currency} has {decimals}, not {amount}")
        return int(exact)

    def days(self, days: int) -> int:
        """Return a number of calendar days for which amounts are kept."""
        if not self.spent_days:
            raise WrongNameError("spent", "rows keep no amounts by day")
        if days > self.spent_days:
            raise WrongNameError("within", f"rows keep the amounts of {self.spent_days} days, not of {days}")
        return days

    def segment(self, segment: str) -> tuple[str, int]:
        """Return the segmentation and the code of a segment id, which may be that of a declared group."""
        name = segmentation_of(segment)
        groups = self.segmentations.get(name, {})
        ending = segment.removeprefix(f"{name}-")
        if ending in groups:
            return name, groups[ending]
        if name in self.declared:
            there = [f"{name}-{one}" for one in groups]
            raise WrongNameError("segment", f"there is no segment {segment}{_near(segment, there, 'segments')}")
        try:
            code = code_of(segment)
        except ValueError:
            raise WrongNameError("segment", f"{segment} is no segment id such as behaviour-k7q2") from None
        self._check_segmentation("segment", name)
        if code >= OUTSIDE:
            raise WrongNameError("segment", f"{segment} is no segment id such as behaviour-k7q2")
        return name, code

    def is_segment(self, name: str) -> bool:
        """Return whether this is the id of a segment."""
        try:
            self.segment(name)
        except WrongNameError:
            return False
        return True

    def seed_segment(self, segment: str, audiences: Iterable[str]) -> InGroup:
        """Return who is in a segment that is named as the seed of a look-alike; `audiences` could be meant too."""
        if not self.is_segment(segment):
            there = [f"{name}-{one}" for name in self.declared for one in self.segmentations[name]]
            near = _near(segment, [*audiences, *there], "audiences and segments")
            raise WrongNameError("lookalike", f"there is no audience or segment {segment}{near}")
        name, code = self.segment(segment)
        return InGroup(name, (code,))

    def compared_by(self, name: str | None) -> str:
        """Return the segmentation by whose features a look-alike compares: the first that has some, unless named."""
        if name is not None:
            self._check_segmentation("by", name)
            if name in self.declared:
                raise WrongNameError("by", f"{name} has rules, and no features by which customers can be compared")
            return name
        for one in self.segmentations:
            if one not in self.declared:
                return one
        raise WrongNameError("lookalike", "there is no segmentation by whose features customers can be compared")

    def group_code(self, segmentation: str, group: str) -> int:
        """Return the code of a declared group."""
        self._check_segmentation("segmentation", segmentation)
        known = self.segmentations[segmentation]
        if group not in known:
            raise WrongNameError("group", f"{segmentation} has no group {group}{_near(group, known, 'groups')}")
        return known[group]

    def uploaded_list(self, name: str) -> str:
        """Return the id of an uploaded list, which rows must be able to answer."""
        if name not in self.lists:
            near = did_you_mean(name, self.lists, "; `streamseg lists` shows them")
            raise WrongNameError("list", f"there is no list {name}{near}")
        held = self.lists[name] - {"id"}
        if held and not held & {*self.identifiers}:
            wanted = ", ".join(f'"{kind}"' for kind in sorted(held))
            raise WrongNameError(
                "list", f"{name} needs hashes that rows do not keep: setting audiences.identifiers = [{wanted}]"
            )
        return name

    def _check_segmentation(self, field: str, name: str) -> None:
        if name not in self.segmentations:
            near = _near(name, self.segmentations, "segmentations")
            raise WrongNameError(field, f"there is no segmentation {name}{near}")

    def _attribute(self, name: str) -> Attribute | None:
        return next((one for one in self.attributes if not one.part and slug(one.name) == slug(name)), None)

    def _category(self, name: str) -> str:
        if slug(name) not in map(slug, self.categories):
            raise WrongNameError("category", f"there is no category {name}{_near(name, self.categories, 'categories')}")
        return slug(name)


def _near(name: str, known: Iterable[str], what: str) -> str:
    """Return the nearest known name, or all of them where they are few."""
    names = list(known)
    if not names:
        return f": there are no {what}"
    return did_you_mean(name, names, f"; {what}: {', '.join(names)}" if len(names) <= _LISTED else "")
