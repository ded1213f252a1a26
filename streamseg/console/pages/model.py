"""Model: what it has learned, how it drifts, who challenged it, and where its segments came from."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from streamseg.clustering.snapshot import Snapshot
from streamseg.console.charts import model_charts
from streamseg.console.pages.model_choice import advice_on_k
from streamseg.console.pages.model_lineage import lineage_chart
from streamseg.console.pages.model_shadow import shadow
from streamseg.console.pages.overview import told
from streamseg.console.pages.segment_texts import entries_for, label_of, segment_cell
from streamseg.console.pages.view import Cell, Page, Parameters, Reader, Table, View, percent, utc
from streamseg.console.reads.facts import Facts
from streamseg.features.catalogue import catalogue
from streamseg.language.segment_text import feature_name, figure

FEATURES: Final = 14
"""Features in the picture of the centres, those that differ most; the table has all."""
ROUNDS: Final = 168
"""Values of the drift watch in the picture."""
DRIFT_OPEN_ALARM: Final = 3
"""Where `Snapshot.drift_open` has the alarm."""


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the model of one segmentation that is learned."""
    t, learning = reader.texts, facts.learning
    segmentation = learning.chosen(given.get("segmentation"))
    if segmentation is None:
        return View(t("model.title"), {"learned": (), "warm": False, "shadow": None, "lineage": [], "advice": None})
    snapshot = await learning.snapshot(segmentation)
    entries = entries_for(await facts.catalogue(), reader)
    shown: dict[str, Any] = {
        "learned": learning.segments_wanted,
        "segmentation": segmentation,
        "snapshot": snapshot,
        "asked": {"segmentation": segmentation},
        "asked_advice": {"segmentation": segmentation, "advice": "yes"},
        "warm": snapshot is not None and snapshot.warm,
    }
    beside = await shadow(facts, reader, segmentation, entries)
    shown, tables, charts = shown | beside.facts, beside.tables, beside.charts
    if snapshot is None or not snapshot.warm:
        return View(t("model.title"), shown | {"lineage": [], "advice": None}, tables, charts)
    tables["centres"], charts["centres"] = _centres(snapshot, entries, facts, reader)
    found = lineage_chart(snapshot, entries, reader)
    charts |= {} if found is None else {"tree": found}
    charts |= _drift(snapshot, reader)
    tables["challenges"] = _challenges(snapshot, reader)
    if snapshot.challenges:
        charts["challenges"] = _challenge_chart(snapshot, reader)
    lineage = [one for one in await facts.lineage() if one["segmentation"] == segmentation]
    told_of = [told(one, entries, reader) for one in lineage[::-1] if one["transition"] != "survive"]
    choice = await advice_on_k(facts, reader, segmentation, given)
    tables, charts = tables | choice.tables, charts | choice.charts
    shown |= choice.facts | {
        "lineage": told_of[:12],
        "alarm": bool(snapshot.drift_open and snapshot.drift_open[DRIFT_OPEN_ALARM]),
        "closing": [segment_cell(entries, one, reader) for one in snapshot.closing],
    }
    return View(t("model.title"), shown, tables, charts, snapshot.learned_until)


def _centres(
    snapshot: Snapshot, entries: Mapping[str, Any], facts: Facts, reader: Reader
) -> tuple[Table, dict[str, Any]]:
    """Return the centres in the units of the features: as a table, and as a picture of what differs most."""
    t, known = reader.texts, catalogue(facts.layout)
    scaled = np.array(snapshot.centres)
    logged = snapshot.scale.undo(scaled)
    raw = np.where(np.array(snapshot.skewed), np.expm1(logged), logged)
    order = [
        int(column)
        for column in np.argsort(-scaled.std(axis=0), kind="stable")
        if snapshot.features[column] in known and not known[snapshot.features[column]].hashed
    ]
    names = [label_of(entries, one, reader) for one in snapshot.segments]
    rows, values = [], []
    for place, column in enumerate(order):
        feature = known[snapshot.features[column]]
        name = feature_name(feature.name, t.language)
        texts = [figure(feature, float(value), t.language) for value in raw[:, column]]
        cells = [
            Cell(float(f"{value:.4g}"), text, numeric=True) for value, text in zip(raw[:, column], texts, strict=True)
        ]
        rows.append((Cell(feature.name, name), *cells))
        if place < FEATURES:
            values += [
                {"feature": name, "segment": segment, "text": text, "deviations": round(float(deviations), 2)}
                for segment, text, deviations in zip(names, texts, scaled[:, column], strict=True)
            ]
    table = Table(t("model.centres"), [t("table.feature"), *names], rows)
    subtitle = t("model.centres_of", count=len(names), shown=min(FEATURES, len(order)))
    return table, model_charts.centres(t("model.centres_picture"), subtitle, values, t("model.deviations"))


def _drift(snapshot: Snapshot, reader: Reader) -> dict[str, Any]:
    t, fed = reader.texts, snapshot.drift[-ROUNDS:]
    if not fed:
        return {}
    values = [{"round": place - len(fed) + 1, "value": round(value, 4)} for place, value in enumerate(fed)]
    axes = (t("model.rounds"), t("model.distance"))
    return {"drift": model_charts.over_rounds(t("model.drift"), t("model.drift_of", count=len(fed)), values, axes)}


def _gain(running: float, fresh: float) -> float:
    return 1.0 - fresh / running if running > 0 else 0.0


def _challenges(snapshot: Snapshot, reader: Reader) -> Table:
    t = reader.texts
    rows = [
        (
            Cell(utc(one.at), utc(one.at), at=one.at),
            Cell(one.outcome, t(f"model.outcome_{one.outcome}")),
            Cell(one.cause, t(f"model.cause_{one.cause}")),
            percent(t, _gain(one.running_inertia, one.fresh_inertia), 1),
            percent(t, one.moved, 1),
        )
        for one in reversed(snapshot.challenges)
    ]
    columns = [t(f"table.{one}") for one in ("when", "outcome", "cause", "gain", "moved_share")]
    return Table(t("model.challenges"), columns, rows)


def _challenge_chart(snapshot: Snapshot, reader: Reader) -> dict[str, Any]:
    t = reader.texts
    values = [
        {
            "at": one.at * 1000,
            "gain": round(_gain(one.running_inertia, one.fresh_inertia), 5),
            "outcome": t(f"model.outcome_{one.outcome}"),
        }
        for one in snapshot.challenges
    ]
    subtitle = t("model.challenges_of", count=len(values))
    return model_charts.challenges(t("model.challenges_picture"), subtitle, values, t("table.gain"))


PAGE: Final = Page("/model", "model.html", "model", view)
