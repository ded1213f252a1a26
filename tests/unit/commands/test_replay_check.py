"""Issue 13, item 14: `replay --check` reads the whole file, sends nothing and says what it holds."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamseg.commands import streamseg as main

MAP = """
event = "purchase"
[fields]
customer_id = "who"
occurred_at = "when"
[purchase]
currency = "money"
[items]
item_id = "what"
amount = "sum"
[transactions]
by = ["order"]
"""
ROWS = """order,who,what,sum,money,when
1,ida,lamp,50.10,eur,2026-10-01T10:00:00Z
1,ida,mug,39.80,eur,2026-10-01T10:00:00Z
2,jan,mug,20,EUR,2026-10-02T10:00:00Z
R2,jan,mug,-5.50,EUR,2026-10-03T10:00:00Z
3,kim,mug,20,XYZ,2026-10-04T10:00:00Z
4,NULL,mug,20,EUR,2026-10-04T10:00:00Z
5,lea,mug,"20,EUR,2026-10-04T10:00:00Z
6,mia,mug,20,EUR,2999-10-04T10:00:00Z
"""


def test_the_report_of_a_mapped_file(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "orders.csv").write_text(ROWS)
    files = [str(tmp_path / "orders.csv"), "--mapping", str(tmp_path / "map.toml")]
    done = CliRunner().invoke(main, ["replay", *files, "--check", "--json"], env={"STREAMSEG_KAFKA__BOOTSTRAP": "x:1"})
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    lines = {each["line"]: each["reason"] for each in report.pop("rejected")}
    assert report == {
        "events": 3,
        "customers": 2,
        "orders": 2,
        "refunds": 1,
        "spend": {"EUR": 104.4},
        "first": "2026-10-01T10:00:00Z",
        "last": "2026-10-03T10:00:00Z",
        "adjusted": {},
    }
    assert list(lines) == [6, 7, 8, 9]
    reasons = ("currency: ", "customer_id is empty", "a quotation mark is opened", "future: ")
    assert all(lines[line].startswith(reason) for line, reason in zip(lines, reasons, strict=True))
    plain = CliRunner().invoke(main, ["replay", *files, "--check"])
    assert plain.exit_code == 0
    assert "rejected line 7: customer_id is empty" in plain.stdout


def test_the_report_of_a_native_file(tmp_path: Path) -> None:
    common = {"kind": "profile", "customer_id": "c-1", "occurred_at": "2026-10-01T10:00:00Z"}
    lines = [common | {"event_id": "1", "traits": {"tags": []}}, common | {"event_id": "2", "traits": None}]
    (tmp_path / "native.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = CliRunner().invoke(main, ["replay", str(tmp_path / "native.jsonl"), "--check", "--json"])
    report = json.loads(done.stdout)
    assert (report["events"], report["customers"], report["adjusted"]) == (1, 1, {"traits": 1})
    assert [each["line"] for each in report["rejected"]] == [2]


def test_a_repeated_order_and_a_repeated_refund_count_once(tmp_path: Path) -> None:
    order = {
        "kind": "purchase", "event_id": "1", "customer_id": "c-1", "occurred_at": "2026-10-01T10:00:00Z",
        "transaction_id": "A1", "value": 50, "currency": "EUR",
    }  # fmt: skip
    refund = order | {"event_name": "refund", "value": 10}
    events = [
        order,
        order | {"event_id": "2"},
        order | {"customer_id": "c-2"},
        order | {"event_id": "3", "transaction_id": "unknown"},
        order | {"event_id": "4", "transaction_id": "unknown"},
        refund | {"event_id": "5"},
        refund | {"event_id": "5"},
        refund | {"event_id": "6"},
    ]
    files = [tmp_path / "one.jsonl", tmp_path / "again.jsonl"]
    for file in files:
        file.write_text("\n".join(map(json.dumps, events)))
    done = CliRunner().invoke(main, ["replay", *map(str, files), "--check", "--json"])
    report = json.loads(done.stdout)
    assert (report["orders"], report["refunds"], report["spend"]) == (4, 2, {"EUR": 180.0})
    assert (report["events"], report["rejected"]) == (16, [])


def test_a_file_without_any_event_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "native.jsonl").write_text("nothing\n")
    assert CliRunner().invoke(main, ["replay", str(tmp_path / "native.jsonl"), "--check"]).exit_code == 1


@pytest.mark.parametrize("check", [True, False])
def test_a_second_file_without_a_column_is_refused_before_the_first_is_sent(tmp_path: Path, check: bool) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "good.csv").write_text(ROWS)
    (tmp_path / "bad.csv").write_text("order,who\n")
    files = [str(tmp_path / "good.csv"), str(tmp_path / "bad.csv"), "--mapping", str(tmp_path / "map.toml")]
    done = CliRunner().invoke(main, ["replay", *files, *(["--check"] if check else [])])
    assert done.exit_code != 0
    assert "bad.csv has no column" in str(done.output) + str(done.exception)


@pytest.mark.parametrize(
    ("zone", "said"), [("Europe/London", "hours of the day and weekends are counted in UTC"), ("UTC", "")]
)
def test_a_file_of_another_time_zone_than_the_shop_is_told(tmp_path: Path, zone: str, said: str) -> None:
    """A history of New York read "active mostly at night"."""
    (tmp_path / "map.toml").write_text(f'{MAP}[time]\nzone = "{zone}"\n')
    (tmp_path / "orders.csv").write_text(ROWS)
    files = [str(tmp_path / "orders.csv"), "--mapping", str(tmp_path / "map.toml")]
    done = CliRunner().invoke(main, ["replay", *files, "--check", "--json"])
    assert json.loads(done.stdout)["events"] == 3
    assert said in done.stderr
    assert bool(said) is ("features.time_zone" in done.stderr)
