"""Draws how audiences and segments overlap: a heat map, as SVG or PNG."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamseg.commands._text import utc
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.service.overlap import Overlap

ENDINGS: Final = (".svg", ".png")
SCHEME: Final = "purpleorange"
"""Colours that people with any colour blindness tell apart: purple is rarer than by chance, orange more frequent."""
EXPLAINED: Final = (
    "number: share of the audience in the segment; colour: how much more frequent the audience is there than among all"
)
FARTHEST: Final = 4.0
"""Lifts from this on, and down to its inverse, have the strongest colours."""
_CELL: Final = 64
_DARK_FROM: Final = 2.5
"""On cells whose lift is as far from 1 as this, text is white."""
_SCALE: Final = 2.0
"""Pixels of a PNG per unit."""


def check_pictures(path: Path) -> None:
    """Raise `StreamsegError` if no picture can be written there: before all rows are read."""
    if path.suffix not in ENDINGS:
        raise StreamsegError(f"{path}: pictures end in {' or '.join(ENDINGS)}")
    try:
        import altair as alt  # noqa: F401 - asked for only whether it is there
        import vl_convert  # noqa: F401 - the same
    except ImportError:
        raise StreamsegError("pictures need Altair and vl-convert: pip install 'streamseg[pictures]'") from None


def write_picture(path: Path, overlap: "Overlap", labels: Mapping[str, str]) -> None:
    """Write the heat map to a file whose ending tells the format. `labels` are those of segments, by id."""
    import vl_convert

    chart = heat_map(overlap, labels)
    if path.suffix == ".svg":
        path.write_text(vl_convert.vegalite_to_svg(chart), encoding="utf-8")
    else:
        path.write_bytes(vl_convert.vegalite_to_png(chart, scale=_SCALE))


def heat_map(overlap: "Overlap", labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the heat map as a Vega-Lite document: audiences by segments, one panel for each segmentation."""
    import altair as alt

    sizes = {one.audience: one for one in overlap.audiences}
    segments = {row.segment: labels.get(row.segment) or row.segment for row in overlap.rows}
    named = Counter(segments.values())
    cells = [
        {
            "audience": _audience(
                one.audience, sizes[one.audience].members, too_small=sizes[one.audience].is_too_small
            ),
            "segmentation": one.segmentation,
            "segment": segments[one.segment] if named[segments[one.segment]] == 1 else one.segment,
            "share": one.share_of_audience,
            "lift": one.lift,
            "told": min(max(one.lift, 1 / FARTHEST), FARTHEST),
        }
        for one in overlap.rows
    ]
    names = sorted({str(cell["audience"]) for cell in cells})
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=alt.X("segment:N", title=None, axis=alt.Axis(labelAngle=-40, labelLimit=220, labelOverlap=False)),
        y=alt.Y("audience:N", title=None, sort=names, axis=alt.Axis(labelLimit=320)),
    )
    scale = alt.Scale(type="log", scheme=SCHEME, domain=[1 / FARTHEST, FARTHEST], domainMid=1)
    legend = alt.Legend(title="lift", values=[1 / FARTHEST, 1 / 2, 1, 2, FARTHEST], format=".2~f", gradientLength=160)
    strong = f"datum.told >= {_DARK_FROM} || datum.told <= {1 / _DARK_FROM}"
    drawn = base.mark_rect(stroke="white").encode(color=alt.Color("told:Q", scale=scale, legend=legend)) + (
        base.mark_text(fontSize=13).encode(
            text=alt.Text("share:Q", format=".0%"),
            color=alt.condition(strong, alt.value("white"), alt.value("#222222")),
        )
    )
    panels = []
    for segmentation in dict.fromkeys(cell["segmentation"] for cell in cells):
        shown = {cell["segment"] for cell in cells if cell["segmentation"] == segmentation}
        panels.append(
            drawn.transform_filter(alt.FieldEqualPredicate(field="segmentation", equal=segmentation)).properties(
                title=alt.TitleParams(str(segmentation), fontSize=14, anchor="start"),
                width=_CELL * len(shown),
                height=_CELL * 0.6 * len(names),
            )
        )
    title = alt.TitleParams(
        "Where audiences and segments overlap",
        subtitle=[
            f"{overlap.customers:,} customers, as of {utc(overlap.as_of)}",
            EXPLAINED,
        ],
        fontSize=18,
        subtitleFontSize=13,
        anchor="start",
        offset=16,
    )
    joined = alt.hconcat(*panels).resolve_scale(y="shared").properties(title=title)
    document: dict[str, Any] = joined.configure_axis(labelFontSize=13).configure_view(stroke=None).to_dict()
    return document


def _audience(audience: str, members: int, *, too_small: bool) -> str:
    return f"{audience} ({members:,}{', too small' if too_small else ''})"
