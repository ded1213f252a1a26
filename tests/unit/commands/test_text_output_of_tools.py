"""The same for commands that check, judge and repair: what they print fits 80 columns."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from streamseg.commands._sending import print_sent
from streamseg.commands.advise_k import _show as show_advice
from streamseg.commands.bench.throughput import _show as show_throughput
from streamseg.commands.dead_letters import _show as show_dead_letters
from streamseg.commands.evaluate import _show as show_agreement
from streamseg.commands.verify import _show as show_verified
from streamseg.repair.row_comparison import RowDifference
from streamseg.repair.verifier import VerifyReport
from streamseg.service.k_selection import KAdvice, KTrial
from streamseg.sources.sending import SendProgress
from tests.support.text_output import AT, DAY, LONG, WIDTH, assert_fits, run

pytestmark = pytest.mark.usefixtures("terminal")


def test_dead_letters(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [
        SimpleNamespace(
            rejected_at=AT,
            topic="streamseg.purchases",
            partition=1_000,
            offset=123_456_789_012,
            reason="schema",
            detail="value[0]: \x1b[31m" + "x" * 150,
        )
    ]
    show_dead_letters(shown, Counter({("streamseg.purchases", "schema"): 3}))  # type: ignore[arg-type]
    output = capsys.readouterr().out
    assert_fits(output)
    assert "\x1b" not in output, "a record's content reaches the terminal as a command"
    assert DAY in output


def test_verify(capsys: pytest.CaptureFixture[str]) -> None:
    one = RowDifference(LONG, "favourite_brand_share", "[1.0] " * 30, "2" * 90, "different")
    show_verified(VerifyReport(1_000_000, 9_000_000, [one], [LONG], windows=3))
    assert_fits(capsys.readouterr().out)


def test_evaluate_with_many_segments(capsys: pytest.CaptureFixture[str]) -> None:
    confusion = {LONG: {f"behaviour-{n:04}": 1_000 + n for n in range(64)}}
    show_agreement(
        {"confusion": confusion, "offline_ari": 0.5, "ratio": 1.1, "customers": 1_000_000, "ari": 0.6, "ami": 0.7}
    )
    output = capsys.readouterr().out
    assert_fits(output)
    assert output.index("behaviour-0063") < output.index("behaviour-0001"), "the largest comes first"


def test_advise_k(capsys: pytest.CaptureFixture[str]) -> None:
    show_advice("s" * 32, 3, KAdvice(1_000_000, tuple(KTrial(k, 123_456_789.0, 1.5) for k in range(2, 65)), 3, 3))
    assert_fits(capsys.readouterr().out)


def test_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    sent = SendProgress(123_456_789, AT, AT + 0.123456, 1_234.5)
    print_sent(sent, as_json=False, rejected=123_456_789, customers=1, dead_letters={"schema": 1_000, "currency": 1})
    text = capsys.readouterr().out
    assert_fits(text)
    assert text.endswith("\ndead letters: schema 1,000, currency 1\n")


def test_the_check_of_event_files(tmp_path: Path) -> None:
    value = json.dumps({"kind": "click", "customer_id": "c-1", "event_id": "e-1", "occurred_at": LONG})
    files = [tmp_path / f"{n}-{LONG}.jsonl" for n in range(2)]
    for file in files:
        file.write_text(f"{value}\n" * 6)
    output = run("replay", *map(str, files), "--check").output
    assert_fits(output)
    assert "rejected line 1: " in output


@pytest.mark.parametrize("arguments", [("settings",), ("features",), ("check-config",), ("fuzz", "--records", "200")])
def test_commands_without_servers(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_FEATURES__CATEGORIES", json.dumps([f"{LONG}{n}" for n in range(3)]))
    result = run(*arguments)
    assert result.exit_code == 0
    assert_fits(result.stdout)


def test_the_widest_table_of_a_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"events_per_second": 1_234_567.8, "cpu_seconds_per_event": 1.2e-5, "memory_bytes": 1_234_000_000}
    answer = {"loads": {"small": {"streamseg": one, "kafka-streams-rocksdb": one, "faust": one, "limit": one}}}
    show_throughput(Console(width=WIDTH), answer | {"events": 12_345_678, "slow_events": 1_234})
    assert_fits(capsys.readouterr().out)
