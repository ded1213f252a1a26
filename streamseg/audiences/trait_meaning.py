"""Says what a rule about a profile trait means, by how rows keep it: a listed value, a number, or a text."""

from collections.abc import Sequence

from streamseg.audiences.predicates import Among, Compared, Known, Tree, all_of, any_of
from streamseg.audiences.vocabulary import Vocabulary, WrongNameError
from streamseg.audiences.written.leaves import TraitRule
from streamseg.clustering.population import OF_ROWS
from streamseg.features.words.attributes import Attribute, slug
from streamseg.nearest_names import did_you_mean


def trait(rule: TraitRule, vocabulary: Vocabulary) -> Tree:
    """Return what the rule asks. Raises `WrongNameError`."""
    attribute = vocabulary.attribute(rule.trait)
    if attribute is None:
        groups = vocabulary.groups(rule.trait)
        chosen = [list(groups)[index] for index in _indexes(rule, list(groups))]
        return any_of([Compared(groups[one], "==", 1.0) for one in chosen])
    if attribute.found:
        grouped = f"; {attribute.group_as} compares its groups" if attribute.group_as else ""
        raise WrongNameError("trait", f"{rule.trait} is free text, which rules cannot compare{grouped}")
    if attribute.values:
        return Among(attribute.name, tuple(sorted(_indexes(rule, attribute.values))))
    return _number(rule, _figure(attribute))


def known_trait(name: str, vocabulary: Vocabulary) -> Tree:
    """Return the predicate that a feature or trait is known; a feature comes before a trait of that name."""
    if name in vocabulary.features or name in OF_ROWS:
        return Known(name)
    try:
        attribute = vocabulary.attribute(name)
    except WrongNameError:
        known = (*vocabulary.features, *OF_ROWS, *(one.trait for one in vocabulary.attributes))
        raise WrongNameError("known", f"there is no feature or trait {name}{did_you_mean(name, known, '')}") from None
    if attribute is None:
        return Known(next(iter(vocabulary.groups(name).values())))
    if attribute.values:
        return Among(attribute.name, tuple(range(len(attribute.values))))
    if attribute.found:
        return Known(next(name for name, one in vocabulary.features.items() if one.attribute == attribute.name))
    return Known(_figure(attribute))


def _figure(attribute: Attribute) -> str:
    return f"profile_{slug(attribute.name)}"


def _given(rule: TraitRule) -> tuple[str, Sequence[bool | float | str]]:
    if rule.is_one_of is not None:
        return "is_one_of", rule.is_one_of
    return "is", () if rule.is_ is None else (rule.is_,)


def _indexes(rule: TraitRule, values: Sequence[str]) -> set[int]:
    """Return the indexes of the values that the rule gives."""
    listed = ", ".join(values)
    for name in rule.bounds:
        raise WrongNameError(name, f"{rule.trait} is no number: use is or is_one_of with {listed}")
    field, given = _given(rule)
    by_slug = {slug(value): index for index, value in enumerate(values)}
    for one in given:
        if isinstance(one, bool):
            raise WrongNameError(field, f"{rule.trait} is one of {listed}, not {str(one).lower()}: put words in quotes")
        if slug(str(one)) not in by_slug:
            said = one if isinstance(one, str) else f"{one:g}"
            raise WrongNameError(
                field, f"{rule.trait} is never {said}{did_you_mean(str(said), values, f'; values: {listed}')}"
            )
    return {by_slug[slug(str(one))] for one in given}


def _number(rule: TraitRule, figure: str) -> Tree:
    if rule.bounds:
        return all_of([Compared(figure, sign, number) for sign, number in rule.bounds.values()])
    field, given = _given(rule)
    for one in given:
        if isinstance(one, str):
            raise WrongNameError(field, f"{rule.trait} is a number, not {one!r}")
    return any_of([Compared(figure, "==", float(one)) for one in given])
