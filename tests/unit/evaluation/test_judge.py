"""Judging segments: the figures, the days of a stream, and a small shop judged from end to end."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from streamseg.commands import Invocation
from streamseg.commands.bench.clustering import command
from streamseg.errors import StreamsegError
from streamseg.evaluation.event_stream import EventStream, fitgear, flushes, recorded
from streamseg.evaluation.figures import inertia, renamed_share
from streamseg.evaluation.judge import Judgement, judge
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent
from streamseg.sources.truth import TruthRow

END = 1_700_000_000.0


def test_customers_are_renamed_when_half_of_their_segment_goes_with_them() -> None:
    before = dict.fromkeys(range(10), 1) | dict.fromkeys(range(10, 20), 2)
    assert renamed_share(before, before) == 0.0
    assert renamed_share(before, before | dict.fromkeys(range(5), 3)) == 5 / 20
    assert renamed_share(before, before | dict.fromkeys(range(4), 3)) == 0.0
    assert renamed_share(before, before | {0: 3, 1: 4, 2: 5, 3: 6, 4: 7, 5: 8}) == 0.0
    assert renamed_share(before, dict.fromkeys(range(20), 2)) == 10 / 20


def test_the_unassigned_are_not_renamed() -> None:
    assert renamed_share({0: 0, 1: 0}, {0: 5, 1: 5}) == 0.0
    assert renamed_share({}, {}) == 0.0


def test_inertia_is_about_the_means_of_the_groups() -> None:
    rows = np.array([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0]])
    assert inertia(rows, np.array([0, 0, 1])) == pytest.approx(2.0)
    assert inertia(rows, np.array([0, 1, 2])) == 0.0


def event(at: float) -> SourceEvent:
    return SourceEvent("click", f"e-{at}", "c-1", at, b"{}")


def test_a_stream_is_given_by_days_also_by_those_without_events() -> None:
    stream = EventStream("x", lambda: [event(5.0), event(86_400.0 * 2.5)], 0.0, 86_400.0 * 90)
    days = list(stream.days())
    assert [end / 86_400.0 for end, _ in days] == [1.0, 2.0, 3.0]
    assert [len(events) for _, events in days] == [1, 0, 1]
    assert stream.before_at == 86_400.0 * 45


def test_a_short_stream_has_short_days() -> None:
    stream = recorded("hours", [event(7200.0), event(0.0), event(3600.0)], None)
    assert stream.day == pytest.approx(120.0, rel=0.001)
    assert [e.occurred_at for _, events in stream.days() for e in events] == [0.0, 3600.0, 7200.0]


def test_looks_are_taken_together_while_no_customer_is_due_twice_and_for_an_hour_at_most() -> None:
    def by(customer: str, minute: float) -> SourceEvent:
        return SourceEvent("click", f"e-{minute}", customer, 60.0 * minute, b"{}")

    events = [by("a", 1), by("a", 2), by("b", 15), by("c", 25), by("b", 31), by("a", 62), by("d", 91), by("e", 95)]
    told = [[event.occurred_at / 60.0 for event in flush] for flush in flushes(events, 600.0)]
    assert told == [[1, 2, 15, 25], [31, 62], [91, 95]]
    assert list(flushes([], 600.0)) == []


def test_a_change_at_the_moment_of_judgement_has_not_shown_yet() -> None:
    truth = [TruthRow("c-1", "old"), TruthRow("c-1", "new", 100.0)]
    stream = EventStream("x", list, 0.0, 200.0, truth, 100.0)
    assert stream.labels(100.0) == {"c-1": "old"}
    assert stream.labels(200.0) == {"c-1": "new"}


@pytest.fixture(name="verdict", scope="module")
def _verdict() -> Judgement:
    return judge(fitgear(1, 150, 24, END), Settings(), 1, lambda _: None)


def test_segments_are_far_better_than_what_river_does_by_default(verdict: Judgement) -> None:
    ours, offline, _, river = verdict.rows
    assert [row.method for row in verdict.rows] == ["streamseg", "offline", "minibatch", "river-default"]
    assert ours.ari_after is not None
    assert river.ari_after is not None
    assert offline.ari_after is not None
    assert ours.ari_after > river.ari_after + 0.1
    assert ours.ari_after > 0.7 * offline.ari_after
    assert 1.0 <= (ours.inertia_ratio or 0.0) < 1.1
    assert offline.ari_to_offline == 1.0


def test_every_figure_has_its_meaning_or_is_missing(verdict: Judgement) -> None:
    ours, offline, *rivals = verdict.rows
    assert 0.0 <= (ours.flap_per_event or 0.0) < 0.1
    assert 0.0 <= (ours.renamed_worst_day or 0.0) <= 1.0
    assert offline.flap_per_event is None
    assert offline.renamed_worst_day is None
    assert all(rival.renamed_worst_day is None for rival in rivals)
    assert verdict.customers == 150
    assert verdict.events > 1000
    assert verdict.rejected == 0
    assert verdict.unassigned_share == 0.0
    assert verdict.births is not None
    assert verdict.births.k == 7  # one more than the settings have: as many as there are archetypes in the end


def test_a_file_is_judged_in_its_own_currency_with_or_without_truth(tmp_path: Path) -> None:
    lines, labels = ["customer,time,order,amount"], ["customer_id,label"]
    rng = np.random.default_rng(4)
    for day in range(80):
        for customer in range(60):
            if rng.random() < (0.5 if customer % 2 else 0.05):
                amount = 200.0 if customer % 2 else 10.0
                lines.append(f"c{customer},1997-{1 + day // 28:02}-{1 + day % 28:02},o{day}-{customer},{amount}")
    labels += [f"c{customer},{'big' if customer % 2 else 'small'}" for customer in range(60)]
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    (tmp_path / "truth.csv").write_text("\n".join(labels))
    (tmp_path / "map.toml").write_text(
        'event = "purchase"\n[fields]\ncustomer_id = "customer"\noccurred_at = "time"\n'
        '[purchase]\ntransaction_id = "order"\nvalue = "amount"\ncurrency = { constant = "SEK" }\n'
    )
    arguments = [
        "--events",
        str(tmp_path / "orders.csv"),
        "--mapping",
        str(tmp_path / "map.toml"),
        "--k",
        "2",
        "--json",
    ]
    told = CliRunner().invoke(command, [*arguments, "--truth", str(tmp_path / "truth.csv")], obj=Invocation())
    assert told.exit_code == 0, told.output
    (stream,) = json.loads(told.stdout)["streams"]
    assert stream["rejected"] == 0
    assert stream["births"] is None
    assert stream["rows"][0]["method"] == "streamseg"
    assert stream["rows"][0]["ari_after"] > 0.9
    told = CliRunner().invoke(command, arguments, obj=Invocation())
    (stream,) = json.loads(told.stdout)["streams"]
    assert stream["rows"][0]["ari_after"] is None
    assert stream["rows"][0]["ari_to_offline"] > 0.9
    told = CliRunner().invoke(command, [*arguments, "--features", "value"], obj=Invocation())
    (stream,) = json.loads(told.stdout)["streams"]
    assert stream["rows"][0]["ari_to_offline"] > 0.9, "a shipped pack can be judged without being enabled"


def bench(folder: Path, mapping: str, **files: str) -> Result:
    arguments = ["--json", "--k", "2"]
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
        arguments += ["--events", str(folder / f"{name}.csv")]
    (folder / "map.toml").write_text(mapping)
    return CliRunner().invoke(command, [*arguments, "--mapping", str(folder / "map.toml")], obj=Invocation())


MIXED = """event = { column = "event_type", values = { click = "click", purchase = "purchase" } }
[fields]
event_id = "event_id"
customer_id = "customer_id"
occurred_at = "timestamp"
currency = { constant = "SEK" }
[click]
event_name = { column = "action", values = { view = "view_item", cart = "add_to_cart" } }
[items]
item_id = "product_id"
price = "unit_price"
amount = "amount"
[transactions]
by = ["order_id"]
"""
HEADER = "event_id,event_type,action,customer_id,order_id,product_id,unit_price,amount,timestamp"


def test_clicks_and_purchases_of_a_few_hours_stand_in_one_file(tmp_path: Path) -> None:
    lines = [HEADER]
    for number in range(240):
        at, buys = f"2024-03-01T{8 + number // 60:02}:{number % 60:02}:00Z", number % 4 == 0
        name = f"s{number}"
        lines.append(f"e{number},click,view,{name},,p1,20,,{at}")
        lines.append(f"f{number},click,{'cart' if buys else 'view'},{name},,p2,30,,{at}")
        if buys:
            lines += [f"g{number}-{n},purchase,purchase,{name},o{number},p{n},20,20,{at}" for n in range(3)]
    told = bench(tmp_path, MIXED, sessions="\n".join(lines))
    assert told.exit_code == 0, told.output
    (stream,) = json.loads(told.stdout)["streams"]
    assert (stream["customers"], stream["events"], stream["rejected"]) == (240, 540, 0)
    assert stream["rows"][0]["ari_to_offline"] > 0.9
    assert stream["unassigned_share"] < 0.1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("e1,click,view,c-1,,p1,20,,yesterday", "is not a time in the format iso8601", id="no time"),
        pytest.param(
            "e1,click,dance,c-1,,p1,20,,2024-03-01", "'dance' is not among the mapped values", id="an unknown word"
        ),
        pytest.param("e1,click,view,c 1,,p1,20,,2024-03-01", "records were rejected", id="an impossible customer id"),
    ],
)
def test_a_file_without_a_good_line_is_refused_with_the_first_reason(tmp_path: Path, line: str, reason: str) -> None:
    told = bench(tmp_path, MIXED, bad=f"{HEADER}\n{line}\n")
    assert isinstance(told.exception, StreamsegError)
    assert reason in str(told.exception)


def test_mappings_must_be_one_for_all_or_one_for_each(tmp_path: Path) -> None:
    good = f"{HEADER}\ne1,click,view,c-1,,p1,20,,2024-03-01\n"
    (tmp_path / "a.csv").write_text(good)
    (tmp_path / "map.toml").write_text(MIXED)
    arguments = ["--events", str(tmp_path / "a.csv"), *["--mapping", str(tmp_path / "map.toml")] * 2]
    told = CliRunner().invoke(command, arguments, obj=Invocation())
    assert "2 mappings for 1 files" in str(told.exception)
