"""Says what the rules of audiences and of declared segmentations mean, with every name checked.

They become trees of predicates and their normal forms. All that is wrong is found at once, each with its path in the
definition. What a rule asks of an audience takes the place of its name. A declared segmentation is decided before all
that ask of it, so none may ask of itself, nor of an audience or segmentation that asks of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import available_timezones

from streamseg.audiences.definition import Audience
from streamseg.audiences.leaf_meaning import Leaf, leaf
from streamseg.audiences.lookalike_meaning import like_members
from streamseg.audiences.normal_form import Clause, UnwieldyRuleError, normal_form
from streamseg.audiences.predicates import AllOf, AnyOf, Belongs, InGroup, Not, Stays, Tree
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.audiences.vocabulary import Vocabulary, WrongNameError
from streamseg.audiences.written.leaves import AudienceRule, LookalikeRule
from streamseg.audiences.written.positions import Path
from streamseg.audiences.written.written_rules import AllRule, AnyRule, NotRule, Rule
from streamseg.clustering.identity import code_of
from streamseg.nearest_names import did_you_mean

_ANYTHING: Tree = AllOf(())
_EVERYBODY: Final[tuple[Clause, ...]] = ((),)
"""What a segment without a rule asks."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an audience or a declared segmentation, and where in its definition."""

    audience: str
    """Empty for a segmentation."""
    path: Path
    text: str
    segmentation: str = ""
    segment: str = ""

    @property
    def subject(self) -> str:
        """What is wrong, for people."""
        return f"audience {self.audience}" if self.audience else f"segmentation {self.segmentation}"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a rule asks, with other audiences in the place of their names: as it is nested, and in normal form."""

    rule: Tree
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class OrderedRules:
    """What the rules of a declared segmentation ask, in their order: of the first that holds, the segment is taken."""

    segmentation: str
    codes: tuple[int, ...]
    """Of the segments, see `clustering.identity`."""
    rules: tuple[tuple[Clause, ...], ...]
    """Their normal forms."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What audiences and declared segmentations mean, and what is wrong with others."""

    audiences: dict[str, Meaning]
    segmentations: tuple[OrderedRules, ...]
    """Each after those that its rules ask of."""
    problems: list[Problem]


def meanings(
    audiences: Iterable[Audience], vocabulary: Vocabulary, segmentations: Mapping[str, SegmentRules] | None = None
) -> Understood:
    """Return what each of the audiences and declared segmentations means, and what is wrong with the others.

    They are all that exist: a rule may name any of them, in any order. One that names a wrong one is missing too,
    without a problem of its own.
    """
    reading = _Reading({one.id: one for one in audiences}, segmentations or {}, vocabulary)
    for name in reading.segmentations:
        reading.ordered(name)
    for one in reading.audiences:
        reading.meaning(one)
    found = {one: meant for one, meant in reading.found.items() if meant is not None}
    ordered = tuple(one for one in reading.decided.values() if one is not None)
    return Understood(found, ordered, reading.problems)


class _Reading:
    """Reads each rule once, those that it names first."""

    def __init__(
        self, audiences: dict[str, Audience], segmentations: Mapping[str, SegmentRules], vocabulary: Vocabulary
    ) -> None:
        self.audiences = audiences
        self.segmentations = segmentations
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        self.found: dict[str, Meaning | None] = {}
        self.decided: dict[str, OrderedRules | None] = {}
        self.open: list[str] = []

    def meaning(self, audience: str) -> Meaning | None:
        """Return the meaning of an audience; None if it is wrong."""
        if audience not in self.found:
            self.open.append(audience)
            self.found[audience] = self._read(self.audiences[audience])
            self.open.pop()
        return self.found[audience]

    def ordered(self, segmentation: str) -> OrderedRules | None:
        """Return what a declared segmentation means; None if it is wrong."""
        if segmentation not in self.decided:
            self.open.append(of_segmentation(segmentation))
            read = self._read_ordered(segmentation, self.segmentations[segmentation])
            self.decided[segmentation] = read  # after those that it asks of
            self.open.pop()
        return self.decided[segmentation]

    def _read(self, audience: Audience) -> Meaning | None:
        written = _WrittenRule(Problem(audience.id, (), ""), Belongs(audience.id), self, audience.time_zone)
        written.check_time_zone()
        return written.meaning(audience.rule, ("rule",))

    def _read_ordered(self, segmentation: str, declared: SegmentRules) -> OrderedRules | None:
        codes, rules = list[int](), list[tuple[Clause, ...] | None]()
        for index, one in enumerate(declared.segment):
            codes.append(code_of(f"{segmentation}-{one.id}"))
            written = _WrittenRule(Problem("", (), "", segmentation, one.id), Stays(segmentation, codes[-1]), self)
            if one.rule is None and index + 1 < len(declared.segment):
                written.problem(
                    ("segment", index), "has no rule, so nobody is left for the segments below: put it last"
                )
            if one.rule is None:
                rules.append(None if written.is_wrong else _EVERYBODY)
                continue
            meant = written.meaning(one.rule, ("segment", index, "rule"))
            rules.append(None if meant is None else meant.clauses)
        right = tuple(one for one in rules if one is not None)
        return OrderedRules(segmentation, tuple(codes), right) if len(right) == len(rules) else None


def of_segmentation(name: str) -> str:
    """Return how a circle of rules names a segmentation."""
    return f"segmentation {name}"


class _WrittenRule:
    """One rule on its way to predicates.

    Args:
        whose: names the audience or segment in problems.
        member: those for whom it holds now.
        reading: of all rules.
        time_zone: of the rule's days; None for the shop's.
    """

    def __init__(
        self, whose: Problem, member: Belongs | Stays, reading: _Reading, time_zone: str | None = None
    ) -> None:
        self._whose = whose
        self._member = member
        self._reading = reading
        self._time_zone = time_zone
        self.is_wrong = False

    def problem(self, path: Path, text: str) -> None:
        """Note what is wrong."""
        self.is_wrong = True
        self._reading.problems.append(replace(self._whose, path=path, text=text))

    def check_time_zone(self) -> None:
        """Refuse a zone that does not exist."""
        zone = self._time_zone
        if zone is not None and zone not in available_timezones():
            near = did_you_mean(zone, available_timezones(), "")
            self.problem(("time_zone",), f"there is no time zone {zone}{near}")

    def meaning(self, rule: Rule, path: Path) -> Meaning | None:
        """Return what the rule at a path means; None if it is wrong."""
        meant = self.tree(rule, path)
        if self.is_wrong:
            return None
        try:
            clauses = normal_form(meant)
        except UnwieldyRuleError as error:
            self.problem(path, str(error))
            return None
        if not clauses:
            self.problem(path, "nobody can belong: it asks for something together with its opposite")
            return None
        return Meaning(meant, clauses)

    def tree(self, rule: Rule, path: Path) -> Tree:
        """Return what a rule asks; anything where it is wrong."""
        match rule:
            case AllRule():
                return AllOf(tuple(self.tree(part, (*path, "all", index)) for index, part in enumerate(rule.all)))
            case AnyRule():
                return AnyOf(tuple(self.tree(part, (*path, "any", index)) for index, part in enumerate(rule.any)))
            case NotRule():
                return Not(self.tree(rule.not_, (*path, "not")))
            case AudienceRule():
                return self._named(rule.audience, (*path, "audience"))
            case LookalikeRule():
                return self._like(rule, path)
            case _:
                return self._leaf(rule, path)

    def _leaf(self, rule: Leaf, path: Path) -> Tree:
        try:
            meant = leaf(rule, self._member, self._reading.vocabulary, self._time_zone)
        except WrongNameError as error:
            self.problem((*path, error.field), str(error))
            return _ANYTHING
        for segmentation in _asked_of(meant):
            self._ask_first(segmentation, path)
        return meant

    def _ask_first(self, segmentation: str, path: Path) -> None:
        """Let a segmentation be decided before this rule, if it is declared."""
        if segmentation not in self._reading.segmentations:
            return
        if of_segmentation(segmentation) in self._reading.open:
            self._circle(of_segmentation(segmentation), path)
        elif self._reading.ordered(segmentation) is None:
            self.is_wrong = True

    def _circle(self, name: str, path: Path) -> None:
        open_ = self._reading.open
        self.problem(path, f"names itself in a circle: {', '.join([*open_[open_.index(name) :], name])}")

    def _like(self, rule: LookalikeRule, path: Path) -> Tree:
        """Return what a look-alike of an audience or a segment asks."""
        seed: Tree
        vocabulary = self._reading.vocabulary
        try:
            if rule.lookalike in self._reading.audiences:
                seed = self._named(rule.lookalike, (*path, "lookalike"))
            else:
                seed = vocabulary.seed_segment(rule.lookalike, self._reading.audiences)
                self._ask_first(seed.segmentation, (*path, "lookalike"))
            return like_members(rule, seed, self._member, vocabulary.compared_by(rule.by))
        except WrongNameError as error:
            self.problem((*path, error.field), str(error))
            return _ANYTHING

    def _named(self, audience: str, path: Path) -> Tree:
        """Return what the rule of another audience asks."""
        reading = self._reading
        if audience not in reading.audiences:
            others = [one for one in reading.audiences if one != self._whose.audience]
            self.problem(path, f"there is no audience {audience}{did_you_mean(audience, others, '')}")
        elif audience in reading.open:
            self._circle(audience, path)
        elif (meant := reading.meaning(audience)) is not None:
            return meant.rule
        self.is_wrong = True
        return _ANYTHING


def _asked_of(meant: Tree) -> Iterator[str]:
    """Yield the segmentations that the meaning of a leaf asks of."""
    match meant:
        case InGroup(segmentation):
            yield segmentation
        case AnyOf(parts):
            for part in parts:
                yield from _asked_of(part)
        case _:
            return
