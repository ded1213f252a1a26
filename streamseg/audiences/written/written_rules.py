"""Rules as people write them: leaves, and tables of all, any and not around them.

For example::

rule = { all = [
{event = "view", category = "running", within = "30 days"},
{not = {event = "purchase", category = "running"}},
] }
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BeforeValidator, Discriminator, Field, Tag
from typing_extensions import TypeAliasType

from streamseg.audiences.written.leaves import (
    AudienceRule,
    BirthdayRule,
    EventRule,
    FeatureRule,
    GroupRule,
    KnownRule,
    ListRule,
    LookalikeRule,
    NeverRule,
    SegmentRule,
    SpentRule,
    Table,
    TraitRule,
)
from streamseg.nearest_names import did_you_mean


class AllRule(Table):
    """All of these hold."""

    all: "Annotated[tuple[Rule, ...], Field(strict=False, min_length=1)]"


class AnyRule(Table):
    """One of these holds, or several do."""

    any: "Annotated[tuple[Rule, ...], Field(strict=False, min_length=1)]"


class NotRule(Table):
    """This is known not to hold."""

    not_: "Annotated[Rule, Field(alias='not')]"


KINDS: Final[dict[str, type[Table]]] = {
    "all": AllRule,
    "any": AnyRule,
    "not": NotRule,
    "feature": FeatureRule,
    "known": KnownRule,
    "trait": TraitRule,
    "event": EventRule,
    "never": NeverRule,
    "spent": SpentRule,
    "birthday": BirthdayRule,
    "segment": SegmentRule,
    "segmentation": GroupRule,
    "lookalike": LookalikeRule,
    "audience": AudienceRule,
    "list": ListRule,
}
"""The tables of a rule, by the name that tells them apart."""


def tag(kind: str) -> str:
    """Return how pydantic's paths of errors name a kind: no name in a file is written so."""
    return f"<{kind}>"


def _kind(given: object) -> str | None:
    for kind, model in KINDS.items():
        if kind in given if isinstance(given, Mapping) else type(given) is model:
            return tag(kind)
    return None


def _check_kind(given: object) -> object:
    """Refuse what is no table of a rule before pydantic tries them all."""
    if isinstance(given, Table):
        return given
    if isinstance(given, list):
        raise ValueError("must be one rule: put several into all or any")  # noqa: TRY004 - pydantic wants it so
    if not isinstance(given, Mapping):
        raise ValueError("must be a table")  # noqa: TRY004
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) > 1:
        raise ValueError(f"asks of {kinds[0]} and {kinds[1]}: put them into two tables of all or any")
    if not kinds:
        known = tuple(KINDS)
        meant = next((hint for name in given if (hint := did_you_mean(str(name), known, ""))), "")
        raise ValueError(f"does not say what it asks of: needs one of {', '.join(known)}{meant}")
    return given


Rule = TypeAliasType(
    "Rule",
    Annotated[
        Annotated[AllRule, Tag("<all>")]
        | Annotated[AnyRule, Tag("<any>")]
        | Annotated[NotRule, Tag("<not>")]
        | Annotated[FeatureRule, Tag("<feature>")]
        | Annotated[KnownRule, Tag("<known>")]
        | Annotated[TraitRule, Tag("<trait>")]
        | Annotated[EventRule, Tag("<event>")]
        | Annotated[NeverRule, Tag("<never>")]
        | Annotated[SpentRule, Tag("<spent>")]
        | Annotated[BirthdayRule, Tag("<birthday>")]
        | Annotated[SegmentRule, Tag("<segment>")]
        | Annotated[GroupRule, Tag("<segmentation>")]
        | Annotated[LookalikeRule, Tag("<lookalike>")]
        | Annotated[AudienceRule, Tag("<audience>")]
        | Annotated[ListRule, Tag("<list>")],
        Discriminator(_kind),
        BeforeValidator(_check_kind),
    ],
)
"""One table of a rule."""
for _model in (AllRule, AnyRule, NotRule):
    _model.model_rebuild()
