"""The lineage of the segments of a model as a tree: which came out of which, and what became of each."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamseg.clustering.snapshot import Snapshot
from streamseg.console.charts.model_charts import Life, tree
from streamseg.console.pages.segment_texts import label_of
from streamseg.console.pages.view import Reader

LIVES: Final = 24
"""Lines of the tree: all segments that live, and those that ended last."""


def lineage_chart(snapshot: Snapshot, entries: Mapping[str, Any], reader: Reader) -> dict[str, Any] | None:
    """Return the tree, None before there is a segment."""
    t, found = reader.texts, lives(snapshot)
    if not found:
        return None
    names = {one.name: f"{label_of(entries, one.name, reader)} · {one.name}" for one in found}
    named = [
        Life(
            names[one.name],
            one.begins * 1000,
            one.ends * 1000,
            one.lives,
            tuple(names[parent] for parent in one.parents if parent in names),
            names.get(one.into or ""),
        )
        for one in found
    ]
    words = {mark: t(f"model.tree_{mark}") for mark in ("born", "absorbed", "ended")}
    ended = sum(not one.lives for one in found)
    subtitle = t("model.tree_of", count=len(found) - ended, ended=ended)
    return tree(t("model.tree"), subtitle, named, words)


def lives(snapshot: Snapshot) -> list[Life]:
    """Return the segments, those that came out of another below it; times in seconds of event time."""
    now = snapshot.learned_until or 0.0
    begins, ends = dict[str, float](), dict[str, float]()
    parents, into = dict[str, tuple[str, ...]](), dict[str, str]()
    for one in snapshot.lineage:
        begins.setdefault(one.segment, one.at)
        others = tuple(segment for segment, _ in one.related if segment != one.segment)
        if one.transition == "emerge":
            begins[one.segment], parents[one.segment] = one.at, others
        elif one.transition in {"absorbed", "disappear"}:
            ends[one.segment] = max(one.closes or one.at, begins[one.segment])
            into |= {one.segment: others[0]} if others else {}
    living = {*snapshot.segments, *snapshot.closing}
    shown = [one for one in begins if one in living]
    ended = sorted((one for one in begins if one not in living and one in ends), key=lambda one: -ends[one])
    shown += ended[: max(LIVES - len(shown), 0)]
    made = {
        one: Life(one, begins[one], ends.get(one, now) if one not in living else now, one in living)
        for one in _ordered(shown, begins, parents)
    }
    return [
        Life(one.name, one.begins, one.ends, one.lives, parents.get(one.name, ()), into.get(one.name))
        for one in made.values()
    ]


def _ordered(shown: Sequence[str], begins: Mapping[str, float], parents: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the segments by birth, each followed by those that came out of it first of all."""
    by_birth, placed = sorted(shown, key=lambda one: (begins[one], one)), list[str]()

    def place(segment: str) -> None:
        if segment in placed:
            return
        placed.append(segment)
        for child in by_birth:
            if parents.get(child, ())[:1] == (segment,):
                place(child)

    for one in by_birth:
        if not any(parent in shown and parent != one for parent in parents.get(one, ())[:1]):
            place(one)
    for one in by_birth:
        place(one)
    return placed
