"""Says what the rules of audiences mean: trees of predicates and their normal forms, with every name checked.

All that is wrong is found at once, each with its path in the definition.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import available_timezones

from streamseg.audiences.definition import Audience
from streamseg.audiences.leaf_meaning import Leaf, leaf
from streamseg.audiences.normal_form import Clause, UnwieldyRuleError, normal_form
from streamseg.audiences.predicates import AllOf, AnyOf, Not, Tree
from streamseg.audiences.vocabulary import Vocabulary, WrongNameError
from streamseg.audiences.written.leaves import AudienceRule
from streamseg.audiences.written.positions import Path
from streamseg.audiences.written.written_rules import AllRule, AnyRule, NotRule, Rule
from streamseg.nearest_names import did_you_mean

_ANYTHING: Tree = AllOf(())


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an audience, and where in its definition."""

    audience: str
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a rule asks, with other audiences in the place of their names: as it is nested, and in normal form."""

    rule: Tree
    clauses: tuple[Clause, ...]


def meanings(audiences: Iterable[Audience], vocabulary: Vocabulary) -> tuple[dict[str, Meaning], list[Problem]]:
    """Return what each of the audiences means, by id, and what is wrong with the others.

    `audiences` are all that exist: a rule may name any of them, in any order. One that names a wrong one is missing
    too, without a problem of its own.
    """
    reading = _Reading({one.id: one for one in audiences}, vocabulary)
    for one in reading.audiences:
        reading.meaning(one)
    return {one: found for one, found in reading.found.items() if found is not None}, reading.problems


class _Reading:
    """Reads each rule once, those that it names first."""

    def __init__(self, audiences: dict[str, Audience], vocabulary: Vocabulary) -> None:
        self.audiences = audiences
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        self.found: dict[str, Meaning | None] = {}
        self.open: list[str] = []

    def meaning(self, audience: str) -> Meaning | None:
        """Return the meaning of an audience; None if it is wrong."""
        if audience not in self.found:
            self.open.append(audience)
            self.found[audience] = self._read(self.audiences[audience])
            self.open.pop()
        return self.found[audience]

    def _read(self, audience: Audience) -> Meaning | None:
        written = _WrittenRule(audience, self)
        written.check_time_zone()
        rule = written.tree(audience.rule, ("rule",))
        if written.is_wrong:
            return None
        try:
            clauses = normal_form(rule)
        except UnwieldyRuleError as error:
            written.problem(("rule",), str(error))
            return None
        if not clauses:
            written.problem(("rule",), "nobody can belong: it asks for something together with its opposite")
            return None
        return Meaning(rule, clauses)


class _WrittenRule:
    """The rule of one audience on its way to predicates."""

    def __init__(self, audience: Audience, reading: _Reading) -> None:
        self._audience = audience
        self._reading = reading
        self.is_wrong = False

    def problem(self, path: Path, text: str) -> None:
        """Note what is wrong."""
        self.is_wrong = True
        self._reading.problems.append(Problem(self._audience.id, path, text))

    def check_time_zone(self) -> None:
        """Refuse a zone that does not exist."""
        zone = self._audience.time_zone
        if zone is not None and zone not in available_timezones():
            near = did_you_mean(zone, available_timezones(), "")
            self.problem(("time_zone",), f"there is no time zone {zone}{near}")

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
            case _:
                return self._leaf(rule, path)

    def _leaf(self, rule: Leaf, path: Path) -> Tree:
        try:
            return leaf(rule, self._audience.id, self._reading.vocabulary, self._audience.time_zone)
        except WrongNameError as error:
            self.problem((*path, error.field), str(error))
            return _ANYTHING

    def _named(self, audience: str, path: Path) -> Tree:
        """Return what the rule of another audience asks."""
        reading = self._reading
        if audience not in reading.audiences:
            others = [one for one in reading.audiences if one != self._audience.id]
            self.problem(path, f"there is no audience {audience}{did_you_mean(audience, others, '')}")
        elif audience in reading.open:
            circle = [*reading.open[reading.open.index(audience) :], audience]
            self.problem(path, f"names itself in a circle: {', '.join(circle)}")
        elif (meant := reading.meaning(audience)) is not None:
            return meant.rule
        self.is_wrong = True
        return _ANYTHING
