"""Issue 13, item 25: what commands print fits 80 columns, with times in UTC, units and words.

Each command runs as it would in a terminal of 80 columns. The stores are replaced by long, hostile values.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from streamseg.clustering.description.comparison import Comparison, Counterpart, Flow
from streamseg.service.segment_members import SegmentMember
from tests.support.text_output import AT, DAY, LONG, answer, assert_fits, run

pytestmark = pytest.mark.usefixtures("terminal")

SEGMENT = {
    "segmentation": "behaviour",
    "label": f"Big-basket [bold] premium buyers {LONG}",
    "generated_label": LONG,
    "description": "They bring 80% of the value. " * 9,
    "size": 1_234_567,
    "share": 0.21,
    "value_share": 0.8,
    "created": AT,
    "retired": None,
    "shadow": False,
    "usual": {"spend": [40.0, 90.0], "order_value": [12.0, 80.5]},
}
OWN, OTHER = "behaviour-aaaa", "behaviour-bbbb"


def test_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.wiring.build_service.read_catalogue", answer({OWN: SEGMENT, OTHER: SEGMENT}))
    monkeypatch.setattr("streamseg.wiring.build_service.read_waiting", answer({"s" * 32: None}))
    output = run("segments").output
    assert_fits(output)
    assert "1,234,567" in output
    assert "[bold]" in output


def test_segments_are_told_in_the_language_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SEGMENT | {
        "given_name": None,
        "described": 9,
        "value_share": 0.34,
        "label_words": {"words": [{"key": "weekend_shoppers"}]},
        "persona": [{"key": "visits", "facts": {"often": {"often": 4.3}}}],
        "apart": [],
        "nearest": None,
        "apart_from_nearest": [],
        "traits": ["weekend_shoppers"],
    }
    monkeypatch.setattr("streamseg.service.segments.read_catalogue", answer({OWN: entry}))
    monkeypatch.setattr("streamseg.wiring.build_service.stores", lambda _: nullcontext((None, None, None)))
    monkeypatch.setattr("streamseg.wiring.build_service.read_waiting", answer({}))
    dutch, swedish = (run("segments", "--lang", language).output for language in ("nl", "sv"))
    assert "Weekendklanten" in dutch
    assert "Zij komen ongeveer één keer per week." in " ".join(dutch.split())
    assert "Voorstel: aanbiedingen en combinaties voor het weekend" in " ".join(dutch.split())
    assert "Helgkunder" in swedish
    assert "Förslag: erbjudanden och paket inför helgen" in " ".join(swedish.split())
    assert json.loads(run("segments", "--lang", "sv", "--json").output)["segments"][0]["label"] == "Helgkunder"
    monkeypatch.setenv("STREAMSEG_DESCRIPTIONS__LANGUAGE", "nl")
    assert "Weekendklanten" in run("segments").output
    assert run("segments", "--lang", "xx").exit_code == 2


def test_the_history_of_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    related = [(f"behaviour-{n:04}", 0.5) for n in range(9)]
    lineage = [{"segmentation": "behaviour", "at": AT, "transition": "emerge", "segment": OWN, "related": related}]
    monkeypatch.setattr("streamseg.wiring.build_service.read_catalogue", answer({OWN: SEGMENT}))
    monkeypatch.setattr("streamseg.wiring.build_service.read_lineage", answer(lineage))
    output = run("segments", "--history").output
    assert_fits(output)
    assert DAY in output
    assert "closes" not in output
    lineage[0] |= {"transition": "absorbed", "closes": AT + 8 * 86_400.0}
    assert "closes 2026-12-01" in " ".join(run("segments", "--history").output.split())


def test_members_of_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def members(*_: object) -> AsyncGenerator[SegmentMember, None]:
        for n in range(30):
            yield SegmentMember(f"{n}-{LONG}", AT, 0.123456)

    monkeypatch.setattr("streamseg.wiring.build_service.segment_members", members)
    output = run("segments", "members", OWN).output
    assert_fits(output)
    assert f"30 customers in {OWN}, 20 of them shown" in output
    listed = run("segments", "members", OWN, "--csv").stdout.splitlines()
    assert listed[0] == "customer_id,since,score"
    assert listed[1] == f"0-{LONG},2026-11-23T06:39:58Z,0.123456"
    assert len(listed) == 31
    written = json.loads(run("segments", "members", OWN, "--json").stdout)["members"]
    assert written[0] == {"customer_id": f"0-{LONG}", "since": AT, "score": 0.123456}
    assert len(written) == 30


def test_the_comparison_of_segmentations(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{'s' * 32}-{n:04}" for n in range(3)]
    found = Comparison(
        1_000_000,
        12,
        13,
        500_000,
        0.5,
        tuple(Counterpart(name, 1_234_567, name, 1_234_567, 1_234_567) for name in names),
        tuple(Flow(name, name, 1_234_567, ("0123456789ab",) * 3) for name in names),
        7,
    )
    monkeypatch.setattr("streamseg.wiring.build_service.segmentations_to_compare", answer(("s" * 32, "t" * 32)))
    monkeypatch.setattr("streamseg.wiring.build_service.compare_segmentations", answer(found))
    assert_fits(run("segments", "diff").output)


def test_reasons_have_units_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    membership = {
        "segments": {"behaviour": {"id": OWN, "since": AT, "score": 0.83}},
        "consent": {"ads": False, "personalisation": True},
        "as_of": AT,
    }
    pulls = [
        {"feature": name, "pull": pull, "known": known, "observed": observed}
        | {"value": 31.0, "own_centre": 1.0, "other_centre": 2.0}
        for name, pull, observed, known in (
            ("spend", 2.0, 1203.4, True),
            ("weekend_share", 1.0, 0.311, True),
            ("purchase_recency", 0.5, None, False),
            ("order_value", -1.0, 7.5, True),
            ("coupon_share", 0.4, None, False),
            ("view_to_cart", -0.8, 0.4, False),
        )
    ]
    rfm = {"name": "Champions", "recency": 5, "frequency": 5, "monetary": 4}
    reason = {"confidence": 0.83, "model": 3, "runner_up": OTHER, "rfm": rfm, "pulls": pulls}
    stored = (json.dumps(membership).encode(), {OWN: SEGMENT})
    monkeypatch.setattr("streamseg.wiring.build_service.read_membership", answer(stored))
    monkeypatch.setattr("streamseg.wiring.build_service.explain", answer({"behaviour": reason}))
    output = run("lookup", "c-81", "--why").output
    assert_fits(output)
    plain = " ".join(output.split())
    assert "spends 1,203 EUR; most of this group 40-90 31 % of the visits at weekends time since" in plain
    assert "time since the last order: never" in plain
    assert "coupon" not in plain, "that is assumed of everybody"
    assert "in the cart" not in plain, "that is of long ago, and mostly assumed"
    assert " 31 EUR" not in plain, "what models compare is no figure for people"
    dutch = " ".join(run("lookup", "c-81", "--why", "--lang", "nl").output.split())
    assert "uitgaven: 1.203 EUR; de meesten van deze groep 40-90 activiteit in het weekend: 31%" in dutch
    assert "kortingscode" not in dutch
    assert "tijd sinds de laatste bestelling: nooit" in dutch
    assert "RFM: kampioen (laatste aankoop 5, frequentie 5, bedrag 4; 5 is het best)" in dutch
    assert "orders for 7.50 EUR; most of this group 12-80" in plain
    assert "RFM: Champions (recency 5, frequency 5, monetary 4; 5 is best)" in plain
    assert DAY in plain


def test_a_promotion_says_when_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.wiring.build_service.promote", answer(AT))
    output = run("promote", "behaviour").output
    assert_fits(output)
    assert "2026-11-23T06:39:58Z" in output
    assert json.loads(run("promote", "behaviour", "--json").output)["public_from"] == AT


def test_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"kind": "publishable", "created": AT, "expires": AT + 60, "scopes": (), "role": None}
    keys = [SimpleNamespace(id="key-52ca5586", name=LONG, **made)]
    monkeypatch.setattr("streamseg.commands.keys._all", answer(keys))
    output = run("keys", "list").output
    assert_fits(output)
    assert DAY in output


def test_a_key_is_created_only_if_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    async def store(_: object, *keys: Any) -> None:
        kept.extend(keys)

    monkeypatch.setattr("streamseg.commands.keys._all", answer(kept))
    monkeypatch.setattr("streamseg.commands.keys._store", store)
    results = [run("keys", "create", "compose", "--if-missing") for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0]
    assert [key.name for key in kept] == ["compose"]
    assert "sk_" in results[0].output
    assert "sk_" not in results[1].output


@pytest.mark.parametrize("arguments", [("list",), ("parked",)])
def test_webhooks(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    subscriber = {
        "id": LONG,
        "url": f"https://{LONG}/hook",
        "segments": (OWN, OTHER),
        "purpose": "ads",
        "allow_private": False,
        "waiting": 1_000_000,
        "parked": 1_000_000,
    }
    parked = SimpleNamespace(id=LONG, subscriber=LONG, reason="500 after 9 attempts: [red] " + "x" * 200)
    found = [subscriber if arguments == ("list",) else parked]
    monkeypatch.setattr("streamseg.commands.webhooks._in_store", lambda *_: found)
    assert_fits(run("webhooks", *arguments).output)
