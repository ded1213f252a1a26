"""A segmentation in shadow beside the public one: who would move, and whether it may become public."""

from collections.abc import Mapping
from typing import Any

from streamseg.clustering.description.comparison import Comparison
from streamseg.console.charts.alluvial import Band, alluvial
from streamseg.console.pages.segment_texts import label_of, segment_cell
from streamseg.console.pages.view import Cell, Part, Reader, Table, number
from streamseg.console.reads.facts import Facts


async def shadow(facts: Facts, reader: Reader, segmentation: str, entries: Mapping[str, Any]) -> Part:
    """Return the comparison with tables and chart; `shadow` is None for a segmentation that was declared public."""
    learning = facts.learning
    if not learning.shadow.get(segmentation):
        return Part({"shadow": None})
    public_from = await learning.public_from(segmentation)
    promoted = {one for one in learning.shadow if await learning.public_from(one) is not None}
    public = [one for one in learning.segments_wanted if one != segmentation and _is_public(one, facts, promoted)]
    said: dict[str, Any] = {"public_from": public_from, "answer": None, "waiting": False}
    if public_from is not None or not public:
        return Part({"shadow": said})
    found = await learning.compared(public[0], segmentation)
    if found is None or not found.customers:
        return Part({"shadow": said | {"waiting": found is None}})
    t = reader.texts
    pairs = Table(
        t("model.pairs"),
        [t(f"table.{one}") for one in ("segment", "customers", "counterpart", "size_there", "both")],
        [
            (
                segment_cell(entries, one.segment, reader),
                number(t, one.size),
                segment_cell(entries, one.counterpart, reader) if one.counterpart else Cell(None, "\u2013"),
                number(t, one.counterpart_size),
                number(t, one.shared),
            )
            for one in found.segments
        ],
    )
    would_move = Table(
        t("model.would_move"),
        [t(f"table.{one}") for one in ("from", "to", "customers", "examples")],
        [
            (
                segment_cell(entries, one.old, reader),
                segment_cell(entries, one.new, reader),
                number(t, one.customers),
                Cell(" ".join(one.examples), " ".join(one.examples)),
            )
            for one in found.flows
        ],
    )
    bands = _bands(found, entries, reader)
    subtitle = t("model.shadow_of", count=found.customers)
    chart = alluvial(t("model.shadow_picture"), subtitle, bands, (public[0], segmentation))
    answer = t("model.shadow_answer", count=found.moved, all=found.customers, share=t.percent(found.moved_share, 1))
    tables = {"pairs": pairs, "would_move": would_move}
    return Part({"shadow": said | {"answer": answer}}, tables, {"shadow": chart})


def _is_public(segmentation: str, facts: Facts, promoted: set[str]) -> bool:
    return not facts.learning.shadow.get(segmentation) or segmentation in promoted


def _bands(found: Comparison, entries: Mapping[str, Any], reader: Reader) -> list[Band]:
    pairs = [(one.counterpart, one.segment, one.shared) for one in found.segments if one.counterpart and one.shared]
    pairs += [(one.old, one.new, one.customers) for one in found.flows]
    bands = []
    for old, new, count in pairs:
        source, target = label_of(entries, old, reader), label_of(entries, new, reader)
        bands.append(Band(source, target, count, f"{source} → {target}: {reader.texts.number(count)}"))
    return bands
