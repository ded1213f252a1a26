"""`streamseg lookup ID`: print the membership of one customer, and the reasons."""

import asyncio
import json
from collections.abc import Mapping
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
    from streamseg.wiring.build_service import explain, read_membership

    stored, catalogue = asyncio.run(read_membership(invocation.settings, customer_id, language))
    if stored is None:
        if as_json:
            click.echo(json.dumps({"customer_id": customer_id, "known": False, "segments": {}}))
        raise NotFoundError(f"there is no customer {customer_id}")
    reasons = asyncio.run(explain(invocation.settings, customer_id)) if why else {}
    if as_json:
        click.echo(json.dumps(json.loads(stored) | {"why": reasons}) if why else stored.decode())
        return
    features: Mapping[str, Feature] = {}
    if reasons:
        from streamseg.wiring.derived import derive

        features = derive(invocation.settings).features
    membership = json.loads(stored)
    for segmentation, segment in membership["segments"].items():
        if segment is None:
            say(f"{segmentation}: unassigned")
            continue
        since = utc(segment["since"])
        say(f"{segmentation}: {_named(segment['id'], catalogue)}, since {since}, separation {segment['score']}")
        if segmentation in reasons:
            print_reasons(segment, reasons[segmentation], catalogue, features)
    consent = ", ".join(f"{purpose} {'yes' if given else 'no'}" for purpose, given in membership["consent"].items())
    say(f"as of {utc(membership['as_of'])}; consent: {consent}")
    if reasons:
        days = invocation.settings.features.half_life_days
        say(f"Counts and spend fade: half of them in {days:g} days. `streamseg features` explains each feature.")


def print_reasons(
    segment: Mapping[str, Any], reason: Mapping[str, Any], catalogue: _Catalogue, features: "Mapping[str, Feature]"
) -> None:
    """Print in words what pulls the customer to the segment, then what pulls to the runner-up.

    Args:
        segment: the published membership: `id` and `score`.
        reason: the explanation, see `service.explanation.explanation`.
        catalogue: the catalogue entries by segment id.
        features: the features by name.
    """
    from streamseg.clustering.description.phrases import phrase
    from streamseg.language.segment_text import feature_name

    own, other = segment["id"], reason["runner_up"]
    say(f"  runner-up: {_named(other, catalogue)}", indent="    ")
    say(
        f"  separation {segment['score']:.2f}: 0 is midway to the runner-up, 1 in the centre of the segment",
        indent="    ",
    )
    if reason["rfm"] is not None:
        scores = ", ".join(f"{name} {reason['rfm'][name]}" for name in ("recency", "frequency", "monetary"))
        say(f"  RFM: {reason['rfm']['name']} ({scores}; 5 is best)", indent="    ")
    towards = [pull for pull in reason["pulls"] if pull["pull"] > 0][:_REASONS]
    away = [pull for pull in reversed(reason["pulls"]) if pull["pull"] < 0][:_REASONS]
    groups = [("this group", own, "own_centre"), ("the runner-up", other, "other_centre")]
    for title, pulls, named in (
        ("for this segment", towards, groups),
        ("for the runner-up", away, list(reversed(groups))),
    ):
        if pulls:
            say(f"  {title}, the strongest first:")
        for pull in pulls:
            feature = features[pull["feature"]]
            ranges = [
                _range(feature, group, pull[centre], catalogue.get(segment, {}).get("usual", {}))
                for group, segment, centre in named
            ]
            # What never happened has a phrase; of anything else without data the value is an assumption.
            told = pull.get("known", True) or feature.unit == "days"
            own_value = phrase(feature, pull["value"]) if told else f"{feature_name(feature.name)}: no data"
            say(f"    {own_value}; {', '.join(ranges)}", indent="      ")


def _range(feature: "Feature", group: str, centre: float, borders: Mapping[str, tuple[float, float]]) -> str:
    """Return "most of this group 40-90", or the centre where the catalogue has no such range."""
    from streamseg.clustering.description.phrases import usual

    if feature.name in borders:
        return f"most of {group} {usual(feature, *borders[feature.name])}"
    return f"the centre of {group} {usual(feature, centre, centre)}"


def _named(segment: str, catalogue: _Catalogue) -> str:
    return f"{segment} {catalogue.get(segment, {}).get('label', '')}".rstrip()
