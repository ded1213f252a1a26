"""Answers the predicates of rules for many rows at once, one class for each way of answering.

Every class takes the predicates of its kind from those that are used, and answers them in `predicates`' order.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.birthdays import OfBirthdays
from streamseg.audiences.lists.content import LoadedList, among
from streamseg.audiences.predicates import (
    Alike,
    Among,
    Belongs,
    Compared,
    Happened,
    InGroup,
    Known,
    OnList,
    Predicate,
    Spent,
    Stays,
)
from streamseg.clustering.likeness.models import LookalikeOf
from streamseg.clustering.population import COMPARISONS, OF_ROWS
from streamseg.features.identifiers.hashes import short_hash
from streamseg.features.identifiers.normal_forms import FORMS
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.vector import observed
from streamseg.features.windows.answers import (
    AmountQuestion,
    AmountQuestions,
    Answers,
    CountQuestion,
    CountQuestions,
)

Mask = NDArray[np.bool_]


class Asked(NamedTuple):
    """The n customers that are asked."""

    rows: Rows
    slots: Slots
    at: Floats
    """The moment for which each is asked, epoch seconds, shape (n,)."""
    members: Mask
    """Who belongs to which audience now, shape (n, audiences)."""


class Questions(Protocol):
    """Predicates of one kind."""

    predicates: Sequence[Predicate]

    def answer(self, asked: Asked) -> Answers:
        """Answer the predicates, in their order."""
        ...


class OfFigures:
    """Comparisons of figures with numbers, and whether figures are known. Raises `KeyError` for an unknown figure."""

    def __init__(self, used: Iterable[Predicate]) -> None:
        compared = sorted((one for one in used if isinstance(one, Compared)), key=lambda one: one.operator)
        known = [one for one in used if isinstance(one, Known)]
        self.predicates: Sequence[Predicate] = [*compared, *known]
        figures = dict.fromkeys([*(one.figure for one in compared), *(one.figure for one in known)])
        self._features = [name for name in figures if name not in OF_ROWS]
        self._of_rows = [name for name in figures if name in OF_ROWS]
        place = {name: index for index, name in enumerate([*self._features, *self._of_rows])}
        self._compared: list[tuple[Any, NDArray[np.intp], Floats]] = []
        for sign in dict.fromkeys(one.operator for one in compared):
            those = [one for one in compared if one.operator == sign]
            columns = np.array([place[one.figure] for one in those], dtype=np.intp)
            self._compared.append((COMPARISONS[sign], columns, np.array([one.number for one in those])[:, None]))
        self._known = np.array([place[one.figure] for one in known], dtype=np.intp)

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        values = np.empty((len(self._features) + len(self._of_rows), len(asked.slots)))
        if self._features:
            values[: len(self._features)] = observed(asked.rows, asked.slots, asked.at, self._features).T
        for index, name in enumerate(self._of_rows, len(self._features)):
            values[index] = asked.rows.slab[name][asked.slots]
        answers = [compare(values[of], numbers) for compare, of, numbers in self._compared]
        for nth, (compare, of, _) in enumerate(self._compared):
            if compare is operator.ne:  # which alone holds of a figure that is not known
                answers[nth] &= ~np.isnan(values[of])
        if len(self._known):
            answers.append(~np.isnan(values[self._known]))
        return _known(answers[0] if len(answers) == 1 else np.concatenate(answers))


class OfLists:
    """Whether a column of a field has one of the listed values: attributes, or the groups of segmentations.

    A segmentation is asked as the row has it: one that was learned is decided before the rules, a declared one
    (`Stays`) after them. Raises `ValueError` for a column that the layout does not have.
    """

    def __init__(self, layout: Layout, field: Literal["attributes", "segment"], used: Iterable[Predicate]) -> None:
        kinds = (Among,) if field == "attributes" else (InGroup, Stays)
        self.predicates: Sequence[Predicate] = [one for one in used if isinstance(one, kinds)]
        self._field = field
        attributes = [attribute.name for attribute in layout.attributes]
        columns, values, starts = list[int](), list[int](), list[int]()
        for one in self.predicates:
            starts.append(len(columns))
            if isinstance(one, Among):
                columns += [attributes.index(one.attribute)] * len(one.values)
                values += one.values
            elif isinstance(one, InGroup):
                columns += [layout.segmentations.index(one.segmentation)] * len(one.codes)
                values += one.codes
            elif isinstance(one, Stays):
                columns.append(layout.segmentations.index(one.segmentation))
                values.append(one.code)
        self._columns, self._values = np.array(columns, dtype=np.intp), np.array(values, dtype=np.float64)[:, None]
        self._starts = np.array(starts, dtype=np.intp)

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        same = asked.rows.slab[self._field][asked.slots].T[self._columns] == self._values
        return _known(np.logical_or.reduceat(same, self._starts, axis=0))


class OfMembers:
    """Whether a customer is a member of an audience now."""

    def __init__(self, audiences: Sequence[str], used: Iterable[Predicate]) -> None:
        own = [one for one in used if isinstance(one, Belongs)]
        self.predicates: Sequence[Predicate] = own
        self._columns = np.array([audiences.index(one.audience) for one in own], dtype=np.intp)

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        return _known(asked.members.T[self._columns])


class OfTimes:
    """Whether events happened within windows."""

    def __init__(self, layout: Layout, used: Iterable[Predicate]) -> None:
        happened = [one for one in used if isinstance(one, Happened)]
        self.predicates: Sequence[Predicate] = happened
        self._questions = CountQuestions(layout, [CountQuestion(o.event, o.at_least, o.seconds) for o in happened])

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        return self._questions.answer(asked.rows, asked.slots, asked.at)


class OfAmounts:
    """Whether amounts were spent within windows of days."""

    def __init__(self, layout: Layout, used: Iterable[Predicate]) -> None:
        spent = [one for one in used if isinstance(one, Spent)]
        self.predicates: Sequence[Predicate] = spent
        self._questions = AmountQuestions(layout, [AmountQuestion(one.at_least_minor, one.days) for one in spent])

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        return self._questions.answer(asked.rows, asked.slots, asked.at)


class OfDates:
    """Whether birthdays lie in the present day, week or month."""

    def __init__(self, layout: Layout, used: Iterable[Predicate]) -> None:
        self._questions = OfBirthdays(layout, used)
        self.predicates: Sequence[Predicate] = self._questions.predicates

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        return self._questions.answer(asked.rows, asked.slots, asked.at)


class OfUploads:
    """Whether customers are on uploaded lists. Raises `KeyError` for a list that is not loaded."""

    def __init__(self, layout: Layout, lists: Mapping[str, LoadedList], used: Iterable[Predicate]) -> None:
        asked = [one for one in used if isinstance(one, OnList)]
        self.predicates: Sequence[Predicate] = asked
        self._lists = [lists[one.list] for one in asked]
        self._ends = np.array([one.ends for one in self._lists])[:, None]
        self._columns = [[n for n, kind in enumerate(layout.identifiers) if kind in one.kinds] for one in self._lists]
        """For each list, the kinds of identifiers that it may hold, by their place in rows."""
        self._asks_ids = any(len(one.content.ids) for one in self._lists)

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        rows, slots, at = asked.rows, asked.slots, asked.at
        shape = (len(self._lists), len(slots))
        yes, known = np.zeros(shape, dtype=np.bool_), np.ones(shape, dtype=np.bool_)
        ids = np.empty(0, dtype=np.uint64)
        if self._asks_ids:
            ids = np.array([short_hash(rows.customer_ids[slot]) for slot in slots.tolist()], dtype=np.uint64)
        since = rows.identified_from[slots]
        told = (since == 0) | (rows.identified_at[slots] > since)
        hashes = rows.identifiers[slots]
        for n, (one, columns) in enumerate(zip(self._lists, self._columns, strict=True)):
            if len(one.content.ids):
                yes[n] = among(one.content.ids, ids)
            for column in columns:
                of_kind = hashes[:, column * FORMS : (column + 1) * FORMS]
                has = np.flatnonzero(of_kind[:, 0])
                yes[n, has] |= told[has, column] & among(one.content.identifiers, of_kind[has]).any(axis=1)
                known[n] &= told[:, column]
        open_ = at < self._ends
        yes &= open_
        no = ~yes & (known | ~open_)
        until = np.where(open_ & ~no, self._ends, inf).min(axis=0, initial=inf)
        return Answers(yes, no, until)


class Likeness(Protocol):
    """The look-alikes that are learned."""

    def limit(self, asked: Alike) -> float:
        """Return the likeness from which the predicate holds; NaN before it is learned."""
        ...

    def likenesses(self, rows: Rows, slots: Slots, at: Floats, wanted: Sequence[LookalikeOf]) -> Floats:
        """Return likenesses (wanted, n); NaN where they are not known."""
        ...


class OfLikeness:
    """Whether customers are like the members of seeds: one matrix product for the look-alikes of a segmentation."""

    def __init__(self, likeness: Likeness | None, used: Iterable[Predicate]) -> None:
        asked = [one for one in used if isinstance(one, Alike)]
        self.predicates: Sequence[Predicate] = asked
        self._likeness = likeness
        self._wanted = list(dict.fromkeys(LookalikeOf(one.seed, one.by) for one in asked))
        self._places = np.array([self._wanted.index(LookalikeOf(one.seed, one.by)) for one in asked], dtype=np.intp)
        limits = [inf if likeness is None else likeness.limit(one) for one in asked]
        self._limits = np.array(limits)[:, None]

    def answer(self, asked: Asked) -> Answers:
        """See `Questions`."""
        if self._likeness is None:
            unknown = np.zeros((len(self.predicates), len(asked.slots)), dtype=np.bool_)
            return Answers(unknown, unknown, None)
        found = self._likeness.likenesses(asked.rows, asked.slots, asked.at, self._wanted)[self._places]
        return Answers(found >= self._limits, found < self._limits, None)


def all_questions(
    layout: Layout,
    audiences: Sequence[str],
    used: Sequence[Predicate],
    lists: Mapping[str, LoadedList],
    likeness: Likeness | None = None,
) -> list[Questions]:
    """Return the questions of all kinds that are used. Raises `KeyError` or `ValueError` for what rows do not keep."""
    questions: list[Questions] = [
        OfFigures(used),
        OfLists(layout, "attributes", used),
        OfLists(layout, "segment", used),
        OfMembers(audiences, used),
        OfTimes(layout, used),
        OfAmounts(layout, used),
        OfDates(layout, used),
        OfUploads(layout, lists, used),
        OfLikeness(likeness, used),
    ]
    return [one for one in questions if one.predicates]


def _known(yes: Mask) -> Answers:
    """Return answers that every row knows and that no time changes."""
    return Answers(yes, ~yes, None)
