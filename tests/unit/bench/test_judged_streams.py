"""Issue 14, number 3: which streams and numbers of clusters `bench clustering` judges, and what it says of them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streamseg.commands import Invocation
from streamseg.commands.bench._judged_streams import SHOPS
from streamseg.commands.bench.clustering import command
from streamseg.evaluation import stream_evaluation
from streamseg.evaluation.event_stream import EventStream
from streamseg.evaluation.results import MethodResult, StreamResult
from streamseg.evaluation.stream_evaluation import METHODS, SLOW_METHODS
from streamseg.settings import Settings


class Judge:
    """Takes the place of `evaluate_stream`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.streams: list[EventStream] = []
        self.k: list[int] = []
        self.methods: Collection[str] = ()
        self.row = MethodResult("streamseg", 3, ari_after=0.5)

    def __call__(
        self, stream: EventStream, settings: Settings, _: int, progress: Any, methods: Collection[str]
    ) -> StreamResult:
        progress(1.0)
        self.streams.append(stream)
        self.k.append(next(iter(settings.segmentations.values())).k)
        self.methods = methods
        return StreamResult(stream.name, self.k[-1], [self.row], 10, 20, 0, self.row.degenerate, 0.0, None, 0.0)


@pytest.fixture(name="judge")
def _judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    judge = Judge()
    monkeypatch.setattr(stream_evaluation, "evaluate_stream", judge)
    return judge


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["--days", "20", *arguments], obj=Invocation())


def groups(stream: EventStream) -> int:
    return len({*(stream.labels(stream.ends_at) or {}).values()})


def test_a_simulated_shop_is_judged_around_the_number_of_its_true_groups(judge: Judge) -> None:
    result = bench("--shop", "grocery", "--shop", "random", "--seeds", "0,1", "--customers", "200")
    assert result.exit_code == 0, result.output
    assert [one.name for one in judge.streams[::4]] == [
        "grocery-sudden-0", "grocery-sudden-1", "random-sudden-0", "random-sudden-1",
    ]  # fmt: skip
    assert judge.k == [groups(one) + more for one in judge.streams[::4] for more in (-1, 0, 1, 2)]
    assert len({groups(one) for one in judge.streams}) > 1, "the shops differ in it"


def test_several_sizes_are_each_one_stream(judge: Judge) -> None:
    assert bench("--seeds", "0", "--customers", "30,60", "--k", "3").exit_code == 0
    assert [len({row.customer_id for row in one.truth or ()}) for one in judge.streams] == [30, 60]
    assert judge.k == [3, 3]


def test_files_are_judged_with_the_k_of_the_settings(judge: Judge, tmp_path: Path) -> None:
    event = {"kind": "purchase", "customer_id": "c", "occurred_at": "2026-10-01T00:00:00Z", "value": 1}
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(event | {"event_id": "1", "transaction_id": "1", "currency": "EUR"}))
    assert bench("--events", str(file)).exit_code == 0
    assert judge.k == [Settings().segmentations["behaviour"].k]


def test_quick_runs_all_methods_on_all_shops_and_prints_one_document(judge: Judge) -> None:
    result = bench("--quick", "--json")
    assert result.exit_code == 0, result.output
    assert [*judge.methods] == [*METHODS, *SLOW_METHODS]
    assert [one.name.split("-")[0] for one in judge.streams] == [*SHOPS]
    assert {len({row.customer_id for row in one.truth or ()}) for one in judge.streams} == {100}
    assert len(json.loads(result.stdout)["streams"]) == len(SHOPS)


def test_what_is_asked_for_counts_in_quick_too(judge: Judge) -> None:
    assert bench("--quick", "--shop", "grocery", "--customers", "40", "--k", "2", "--only", "betula").exit_code == 0
    (stream,) = judge.streams
    assert stream.name == "grocery-sudden-0"
    assert len({row.customer_id for row in stream.truth or ()}) == 40
    assert judge.k == [2]
    assert [*judge.methods] == ["betula"]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--k", "1,4", "1 is not between 2 and 64"),
        ("--k", "around", "'around' is not a list of whole numbers, separated by commas"),
        ("--customers", "0", "0 is not at least 1"),
        ("--seeds", "1;2", "'1;2' is not a list of whole numbers, separated by commas"),
    ],
)
def test_a_wrong_number_is_named_with_its_option(option: str, value: str, reason: str) -> None:
    result = bench(option, value)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': {reason}" in result.stderr


def test_a_degenerate_answer_is_called_so_in_the_table_and_in_the_document(judge: Judge) -> None:
    judge.row = MethodResult("streamseg", 3, degenerate=True, largest_share=0.96)
    text = bench("--seeds", "0", "--k", "3").stdout
    assert "degenerate" in text
    assert "streamseg is degenerate: 96% of the customers are in one cluster" in text
    (stream,) = json.loads(bench("--seeds", "0", "--k", "3", "--json").stdout)["streams"]
    assert stream["degenerate"]
    assert stream["rows"][0]["degenerate"]
    assert stream["rows"][0]["ari_after"] is None
