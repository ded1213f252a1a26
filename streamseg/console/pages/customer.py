"""Customer: the segments and audiences of one person, why, and what each rule still waits for."""

from typing import Any, Final

from streamseg.clustering.description.describe import pseudonym
from streamseg.console.charts import specs
from streamseg.console.pages.audiences import in_labels
from streamseg.console.pages.customer_past import past
from streamseg.console.pages.segment_texts import entries_for, label_of, segment_cell
from streamseg.console.pages.view import Page, Parameters, Reader, View
from streamseg.console.reads.facts import Facts
from streamseg.console.texts import Texts
from streamseg.features.catalogue import catalogue
from streamseg.language.segment_text import feature_name, feature_value, rfm_name, with_group_names
from streamseg.membership.encoding import decode

MOST_REASONS: Final = 6


async def view(facts: Facts, reader: Reader, given: Parameters) -> View:
    """Return the page of the customer who is asked for; without one, the search."""
    t, asked = reader.texts, given.get("id", "").strip()
    if not asked:
        return View(t("customer.title"), {"asked": "", "shown": None})
    membership = await facts.membership(asked)
    if membership is None:
        return View(t("customer.title"), {"asked": asked, "shown": None, "may_erase": reader.may("erase")})
    published = decode(membership)
    entries = entries_for(await facts.catalogue(), reader)
    reasons, explained = await facts.reasons(asked, t.language), await facts.explain(membership, t.language)
    names = {one.id: str(one.definition["name"]) for one in (await facts.declared()).live}
    labels = {one: label_of(entries, one, reader) for one in entries}
    shown = asked if reader.may("identify") else pseudonym(asked)
    charts, segments = {}, []
    for segmentation, one in published.segments.items():
        why = explained.get(segmentation)
        segments.append(
            {
                "segmentation": segmentation,
                "segment": segment_cell(entries, one.id if one else None, reader),
                "since": one.since if one else None,
                "score": one.score if one else None,
                "why": _why(why, labels, entries, facts, reader) if why else None,
            }
        )
        if why and why["pulls"]:
            charts[f"why-{segmentation}"] = _chart(why, entries, reader)
    audiences = [
        {
            "id": audience,
            "name": names.get(audience, audience),
            "member": one["member"],
            "since": one["since"],
            "until": one["until"],
            "clauses": _clauses(one, labels, t),
        }
        for audience, one in sorted(reasons.items(), key=lambda item: (not item[1]["member"], item[0]))
    ]
    consent = {
        "ads": published.consent.ads,
        "content": published.consent.personalisation,
        "analytics": published.consent.analytics,
    }
    return View(
        shown,
        {
            "asked": asked,
            "shown": shown,
            "segments": segments,
            "rfm": _rfm(explained, t.language),
            "audiences": audiences,
            "consent": consent,
            "past": past(facts, reader, asked, entries, names),
            "may_erase": reader.may("erase"),
        },
        {},
        charts,
        float(published.as_of),
    )


def _clauses(rule: dict[str, Any], labels: dict[str, str], texts: Texts) -> list[list[dict[str, Any]]]:
    """Return the ways in which a rule can hold, each with all that it asks; none for one that asks nothing."""
    return [[_literal(each, labels, texts) for each in clause] for clause in rule["clauses"] if clause]


def _literal(one: dict[str, Any], labels: dict[str, str], texts: Texts) -> dict[str, Any]:
    """Return what a rule asks, and whether it holds: `fits` is None where it is not known."""
    fits = None if one["is"] is None else one["is"] == one["wanted"]
    value = one.get("value")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = texts.number(value, 0 if value == int(value) else 2)
    asks = in_labels(one["asks"], labels)
    return {"asks": asks, "wanted": one["wanted"], "fits": fits, "value": None if value is None else str(value)}


def _rfm(explained: dict[str, Any], language: str) -> dict[str, Any] | None:
    """Return the RFM scores with their name; they are the same in every segmentation."""
    found = next((one["rfm"] for one in explained.values() if one["rfm"] is not None), None)
    return None if found is None else found | {"name": rfm_name(found["name"], language)}


def _why(
    why: dict[str, Any], labels: dict[str, str], entries: dict[str, Any], facts: Facts, reader: Reader
) -> dict[str, Any]:
    t, language = reader.texts, reader.texts.language
    declared = why.get("declared", {})
    features = with_group_names(catalogue(facts.layout), entries.get(why["segment"], {}))
    spoken = [one for one in why["pulls"] if not features[one["feature"]].hashed and one["known"]]
    towards = [one for one in spoken if one["pull"] > 0][:MOST_REASONS]
    away = [one for one in reversed(spoken) if one["pull"] < 0][:MOST_REASONS]
    return {
        "runner_up": segment_cell(entries, why["runner_up"], reader) if why["runner_up"] else None,
        "separation": t.percent(why["separation"]) if why["pulls"] else None,
        "outside": declared.get("rule"),
        "clauses": _clauses(declared["rules"][-1], labels, t) if declared.get("rules") else None,
        "not_compared": t(f"customer.{why['not_compared']}") if "not_compared" in why else None,
        "towards": [feature_value(features[one["feature"]], one["observed"], language) for one in towards],
        "away": [feature_value(features[one["feature"]], one["observed"], language) for one in away],
    }


def _chart(why: dict[str, Any], entries: dict[str, Any], reader: Reader) -> dict[str, Any]:
    t = reader.texts
    pulls = sorted((one for one in why["pulls"] if one["known"]), key=lambda one: -abs(one["pull"]))[: 2 * MOST_REASONS]
    values = [
        {"name": feature_name(one["feature"], t.language), "effect": round(one["pull"], 2)}
        for one in sorted(pulls, key=lambda one: -one["pull"])
    ]
    segment, other = (label_of(entries, why[one], reader) for one in ("segment", "runner_up"))
    return specs.apart(
        t("customer.pulls"), t("customer.pulls_of", segment=segment, other=other), values, t("customer.pull_axis")
    )


PAGE: Final = Page("/customers", "customer.html", "customers", view)
