"""Prepares audiences and declared segmentations: what rules can speak of, and the form that decides quickly."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from math import inf
from typing import Final

import numpy as np

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.lists.content import LoadedList
from streamseg.audiences.meaning import meanings
from streamseg.audiences.predicates import Alike
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.audiences.vocabulary import Vocabulary
from streamseg.clustering.identity import OUTSIDE, OUTSIDE_NAME, code_of
from streamseg.clustering.likeness.models import LookalikeOf, Lookalikes
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.features.windows.answers import KEPT_BY_EVERY_ROW
from streamseg.pipeline import LearnedLikeness, LiveAudiences, Segmentation

Segmentations = Mapping[str, SegmentRules]
"""The declared segmentations, by name."""
NONE: Final[Segmentations] = {}


def vocabulary(
    layout: Layout, lists: Mapping[str, frozenset[str]] | None = None, segmentations: Segmentations = NONE
) -> Vocabulary:
    """Return what rules can speak of where rows have this layout, and with these lists, each with what it holds."""
    tracked = dict.fromkeys(KEPT_BY_EVERY_ROW, 1) | dict(layout.trackers)
    categories = [event.partition(".")[2] for event in tracked if "." in event]
    return Vocabulary(
        features=catalogue(layout),
        attributes=layout.attributes,
        tracked=tracked,
        spent_days=layout.spent_days,
        categories=list(dict.fromkeys((*layout.categories, *categories))),
        segmentations={name: _groups(name, segmentations) for name in layout.segmentations},
        currency=layout.currency,
        minor_units=layout.minor_units,
        time_zone=layout.time_zone,
        identifiers=layout.identifiers,
        lists=lists or {},
        declared=frozenset(segmentations),
    )


def with_lists(layout: Layout, declared: DeclaredAudiences, segmentations: Segmentations = NONE) -> Vocabulary:
    """Return what rules can speak of where rows have this layout, and with the lists that were uploaded."""
    return vocabulary(layout, {one.id: frozenset(one.kinds) for one in declared.lists}, segmentations)


def _groups(name: str, segmentations: Segmentations) -> dict[str, int]:
    """Return the codes of the declared groups of a segmentation, by name."""
    declared = segmentations[name].segment if name in segmentations else ()
    return {OUTSIDE_NAME: OUTSIDE} | {one.id: code_of(f"{name}-{one.id}") for one in declared}


def live_audiences(
    layout: Layout,
    declared: DeclaredAudiences,
    lists: Mapping[str, LoadedList] | None = None,
    published: Lookalikes | None = None,
    *,
    segmentations: Segmentations = NONE,
    compared_by: Sequence[Segmentation] = (),
    dropped: Collection[str] = (),
) -> tuple[LiveAudiences, Sequence[str]]:
    """Return audiences and rules as the path needs them, and a line about all that these rows cannot decide.

    Nobody is put into the segments of a `dropped` segmentation. `lists` are the uploaded ones with their content; where
    audiences are only read, they can be left out. Likeness is known by `published` look-alikes, of rows that can be
    assigned in the segmentations by whose features they are compared.
    """
    missing = [
        f"list {one.id}: its content is missing or damaged: upload it again" for one in declared.lists
        if lists is not None and one.id not in lists
    ]  # fmt: skip
    lists, published = lists or {}, published or Lookalikes()
    declared, without_room = _with_room(layout, declared)
    live = declared.live
    definitions = [Audience.model_validate(one.definition) for one in live]
    known = vocabulary(layout, {name: one.kinds for name, one in lists.items()}, segmentations)
    understood = meanings(definitions, known, segmentations)
    meant = understood.audiences
    rules = [meant[one.id].clauses if one.id in meant else () for one in live]
    frozen = np.array([one.id not in meant for one in live], dtype=np.bool_)
    ordered = [one for one in understood.segmentations if one.segmentation not in dropped]
    likeness = LearnedLikeness(published, compared_by)
    compiled = CompiledRules(layout, [one.id for one in live], rules, lists, ordered, likeness=likeness)
    last = [one.ends_at(one.time_zone or layout.time_zone) for one in definitions]
    ends = np.array([inf if at is None else at for at in last])
    lines = [f"{one.subject}: {one.text}" for one in understood.problems]
    asked = {LookalikeOf(one.seed, one.by) for one in compiled.predicates if isinstance(one, Alike)}
    wanted = tuple(sorted(asked))
    return LiveAudiences(declared, compiled, frozen, ends, wanted, published), [*missing, *without_room, *lines]


def rules_to_explain(
    layout: Layout, segmentations: Segmentations, compared_by: Sequence[Segmentation] = ()
) -> Callable[[DeclaredAudiences, Mapping[str, LoadedList], Lookalikes], LiveAudiences] | None:
    """Return what prepares the rules of declared segmentations; None without any.

    It takes the audiences, the lists and the published look-alikes, all of which the rules may ask of.
    """
    if not segmentations:
        return None
    prepare = partial(live_audiences, layout, segmentations=segmentations, compared_by=compared_by)
    return lambda declared, lists, published: prepare(declared, lists, published)[0]


def _with_room(layout: Layout, declared: DeclaredAudiences) -> tuple[DeclaredAudiences, list[str]]:
    """Return the audiences that have a column in these rows, and a line about each live one that has none."""
    kept = tuple(one for one in declared.audiences if one.column < layout.audiences)
    lines = [
        f"audience {one.id}: setting audiences.most is {layout.audiences} here, and it was declared with more"
        for one in declared.live
        if one.column >= layout.audiences
    ]
    return DeclaredAudiences(declared.generation, kept, declared.lists), lines
