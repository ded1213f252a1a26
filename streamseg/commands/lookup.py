"""`streamseg lookup ID`: print the membership of one customer, and the reasons."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, language_option
from streamseg.commands._text import say, utc
from streamseg.errors import NotFoundError

if TYPE_CHECKING:
    from streamseg.features.catalogue import Feature

_REASONS: Final = 4
"""Features printed per direction."""
_Catalogue = Mapping[str, Mapping[str, Any]]


@click.command("lookup")
@click.argument("customer_id")
@click.option(
    "--why", is_flag=True, help="Print also the features that pull the customer to the segment, and to the runner-up."
)
@language_option
@json_option
@click.pass_obj
def command(invocation: Invocation, customer_id: str, why: bool, language: str | None, as_json: bool) -> None:
    """Print the membership of a customer. With --json it is the stored string. Exit code 1 for an unknown customer."""
    from streamseg.language import messages
    from streamseg.wiring.build_audiences import reasons as audience_reasons
    from streamseg.wiring.build_service import explain, read_membership

    stored, catalogue = asyncio.run(read_membership(invocation.settings, customer_id, language))
    if stored is None:
        if as_json:
            click.echo(json.dumps({"customer_id": customer_id, "known": False, "segments": {}}))
        raise NotFoundError(f"there is no customer {customer_id}")
    reasons = asyncio.run(explain(invocation.settings, customer_id)) if why else {}
    membership = json.loads(stored)
    told = why and "audiences" in membership
    chosen = language or invocation.settings.descriptions.language
    spoken = "en" if as_json else chosen
    of_audiences = asyncio.run(audience_reasons(invocation.settings, customer_id, spoken)) if told else {}
    if as_json:
        explained = {"why": reasons, "why_audiences": of_audiences}
        click.echo(json.dumps(membership | explained) if why else stored.decode())
        return
    features: Mapping[str, Feature] = {}
    if reasons:
        from streamseg.wiring.derived import derive

        features = derive(invocation.settings).features
    texts = messages(chosen)["why"]
    for segmentation, segment in membership["segments"].items():
        if segment is None:
            say(texts["unassigned"].format(segmentation=segmentation))
            continue
        of = {"segmentation": segmentation, "name": _named(segment["id"], catalogue), "score": segment["score"]}
        say(texts["membership"].format(since=utc(segment["since"]), **of))
        if segmentation in reasons:
            print_reasons(segment, reasons[segmentation], catalogue, features, chosen)
    if "audiences" in membership:
        say(texts["audiences"].format(audiences=", ".join(membership["audiences"]) or texts["none"]))
    print_audiences(of_audiences, chosen)
    consent = ", ".join(
        f"{purpose} {texts['yes' if given else 'no']}" for purpose, given in membership["consent"].items()
    )
    say(texts["published"].format(moment=utc(membership["as_of"]), consent=consent))
    if reasons:
        say(texts["paces"])


def print_audiences(reasons: Mapping[str, Mapping[str, Any]], language: str = "en") -> None:
    """Print why a customer is in each audience or not: what its rule asks, what is so, and until when."""
    from streamseg.language import messages

    texts = messages(language)["rule"]
    for audience, one in reasons.items():
        said = texts["member"].format(since=utc(one["since"])) if one["member"] else texts["outside"]
        if one["until"] is not None:
            said = texts["leaves" if one["member"] else "enters"].format(said=said, until=utc(one["until"]))
        say(f"{audience}: {said}")
        _print_clauses(one["clauses"], "  ", language)


def _print_clauses(clauses: Sequence[Sequence[Mapping[str, Any]]], indent: str, language: str) -> None:
    """Print the ways to belong by a rule: what each asks, and what is so."""
    from streamseg.language import messages

    texts, words = messages(language)["rule"], messages(language)["why"]
    answers = {True: words["yes"], False: words["no"], None: texts["unknown"]}
    for number, clause in enumerate(clauses):
        if number:
            say(f"{indent}{texts['alternative']}")
        for asks in clause:
            told = [str(answers[asks["is"]]) + ("" if asks["value"] is None else f" ({_short(asks['value'])})")]
            if asks["until"] is not None:
                told.append(texts["until"].format(until=utc(asks["until"])))
            if not asks["wanted"]:
                told.append(texts["must_not"])
            sign = "+" if asks["is"] == asks["wanted"] else "-"
            say(f"{indent}{sign} {asks['asks']}: {', '.join(told)}", indent=f"{indent}    ")


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def print_reasons(
    segment: Mapping[str, Any],
    reason: Mapping[str, Any],
    catalogue: _Catalogue,
    features: "Mapping[str, Feature]",
    language: str = "en",
) -> None:
    """Print in words what pulls the customer to the segment, then what pulls to the runner-up.

    Args:
        segment: the published membership: `id` and `score`.
        reason: the explanation, see `service.explanation.explanation`.
        catalogue: the catalogue entries by segment id.
        features: the features by name.
        language: of the words.
    """
    from streamseg.language import messages
    from streamseg.language.segment_text import rfm_name, with_group_names

    own, other, texts = segment["id"], reason["runner_up"], messages(language)["why"]
    if "rules" in reason.get("declared", {}):
        _print_rules(reason["declared"]["rules"], own, language)
        return
    if "declared" in reason:
        said = [_rule(reason["declared"], catalogue.get(own, {}), features, language)]
    elif "not_compared" in reason:
        day = utc(reason["closes"]) if "closes" in reason else ""
        said = [texts[f"not_compared_{reason['not_compared']}"].format(segment=_named(own, catalogue), day=day)]
    else:
        said = [
            texts["runner_up"].format(name=_named(other, catalogue)),
            texts["separation"].format(score=f"{segment['score']:.2f}"),
        ]
    if reason["rfm"] is not None:
        said.append(texts["rfm"].format(**reason["rfm"] | {"name": rfm_name(reason["rfm"]["name"], language)}))
    for line in said:
        say(f"  {line}", indent="    ")
    features = with_group_names(features, catalogue.get(own, {}))
    spoken = [pull for pull in reason["pulls"] if _is_spoken(features[pull["feature"]], pull)]
    towards = [pull for pull in spoken if pull["pull"] > 0][:_REASONS]
    away = [pull for pull in reversed(spoken) if pull["pull"] < 0][:_REASONS]
    groups = [(texts["this_group"], own), (texts["the_runner_up"], other)]
    for title, pulls, named in ((texts["towards"], towards, groups), (texts["away"], away, list(reversed(groups)))):
        if pulls:
            say(f"  {title}")
        for pull in pulls:
            feature = features[pull["feature"]]
            ranges = [
                _range(feature, group, borders[feature.name], language)
                for group, segment in named
                if feature.name in (borders := catalogue.get(segment, {}).get("usual", {}))
            ]
            told = "; ".join(filter(None, (_value(feature, pull, language), ", ".join(ranges))))
            say(f"    {told}", indent="      ")


def _print_rules(rules: Sequence[Mapping[str, Any]], own: str, language: str) -> None:
    """Print what each rule asks, down to the one that holds."""
    from streamseg.language import messages

    texts = messages(language)["why"]
    for rule in rules:
        say(f"  {rule['segment']}: {texts['rule_holds' if rule['segment'] == own else 'rule_fails']}")
        _print_clauses([clause for clause in rule["clauses"] if clause], "    ", language)


def _rule(
    declared: Mapping[str, Any], entry: Mapping[str, Any], features: "Mapping[str, Feature]", language: str
) -> str:
    """Return why the rule of a declared group holds of the customer: "has not bought yet"."""
    from streamseg.language import messages
    from streamseg.language.segment_text import feature_name, feature_value, in_form

    texts, figure, value = messages(language)["why"], declared["figure"], declared["value"]
    if "non_buyers" in entry.get("traits", ()):
        return str(texts["never_bought"])
    if value is None:
        told = str(texts["no_data"]).format(feature=feature_name(figure, language))
    elif figure in features:
        told = feature_value(features[figure], value, language)
    else:
        told = str(texts["value"]).format(feature=figure, value=in_form(f"{value:,.15g}", language))
    return str(texts["outside"]).format(rule=declared["rule"], value=told)


def _is_spoken(feature: "Feature", pull: Mapping[str, Any]) -> bool:
    """Return whether it is a reason for people: what is known of the customer, or that something never was."""
    return not feature.hashed and (pull["known"] or feature.unit == "days" or bool(feature.attribute))


def _value(feature: "Feature", pull: Mapping[str, Any], language: str) -> str:
    """Return what was observed of the customer in words."""
    from streamseg.clustering.description.phrases import phrase
    from streamseg.language import DEFAULT, messages
    from streamseg.language.segment_text import feature_name, feature_value

    if not pull["known"]:
        missing = "never" if feature.unit == "days" else "no_data"
        return str(messages(language)["why"][missing]).format(feature=feature_name(feature.name, language))
    # English has a phrase for each feature; other languages name it.
    value = pull["observed"]
    return phrase(feature, value) if language == DEFAULT else feature_value(feature, value, language)


def _range(feature: "Feature", group: str, borders: tuple[float, float], language: str) -> str:
    """Return "most of this group 40-90"."""
    from streamseg.clustering.description.phrases import usual
    from streamseg.language import messages
    from streamseg.language.segment_text import in_form

    texts = messages(language)["why"]
    ends = in_form(usual(feature, *borders), language)
    if feature.value:
        ends = " / ".join(str(texts[one]) for one in ends.split(" or "))
    return str(texts["most"]).format(group=group, range=ends)


def _named(segment: str, catalogue: _Catalogue) -> str:
    return f"{segment} {catalogue.get(segment, {}).get('label', '')}".rstrip()
