"""Evaluating segments on a stream: a small FitGear shop, and recorded events through `bench clustering`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from threadpoolctl import threadpool_info, threadpool_limits

from streamseg.clustering.assign import Codes
from streamseg.clustering.encode import Floats
from streamseg.clustering.identity import UNASSIGNED
from streamseg.commands import Invocation
from streamseg.commands.bench.clustering import command
from streamseg.evaluation import playing, stream_evaluation
from streamseg.evaluation.batch_baselines import MiniBatch
from streamseg.evaluation.event_stream import fitgear, recorded
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.evaluation.results import StreamResult
from streamseg.evaluation.stream_evaluation import METHODS, evaluate_stream
from streamseg.features.rows import Slots
from streamseg.settings import SegmentationSettings, Settings
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.time_units import DAY_SECONDS

pytestmark = pytest.mark.slow

END = 1_700_000_000.0


@pytest.fixture(name="shop", scope="module")
def _shop() -> StreamResult:
    return evaluate_stream(fitgear(1, 150, 64, END), Settings(), 1, lambda _: None, (*METHODS, "river-streamkmeans"))


def test_segments_agree_much_better_with_the_truth_than_river_by_default(shop: StreamResult) -> None:
    rows = {row.method: row for row in shop.rows}
    ours, offline, river = rows["streamseg"], rows["offline"], rows["river-default"]
    assert list(rows) == [*METHODS, "river-streamkmeans"]
    assert ours.ari_after is not None
    assert river.ari_after is not None
    assert offline.ari_after is not None
    assert ours.ari_after > river.ari_after + 0.1
    assert ours.ari_after > 0.7 * offline.ari_after
    assert 1.0 <= (ours.inertia_ratio or 0.0) < 1.1
    assert offline.ari_to_offline == 1.0


def test_no_method_is_better_than_the_ceiling(shop: StreamResult) -> None:
    assert all(row.inertia_ratio is None or row.inertia_ratio >= 1.0 - 1e-9 for row in shop.rows)


def test_switching_river_off_changes_the_figures(shop: StreamResult) -> None:
    """Issue 14, number 1: without River's steps other models are adopted, and more of them."""
    rows = {row.method: row for row in shop.rows}
    on, off, nightly = (rows[name] for name in ("streamseg", "river-off", "nightly"))
    assert on.inertia_ratio != off.inertia_ratio
    assert on.adopted is not None
    assert off.adopted is not None
    assert nightly.adopted is not None
    assert on.adopted < off.adopted < nightly.adopted


def test_measures_are_none_where_they_do_not_apply(shop: StreamResult) -> None:
    rows = {row.method: row for row in shop.rows}
    ours, offline, rfm = rows["streamseg"], rows["offline"], rows["rfm"]
    assert 0.0 <= (ours.flap_per_event or 0.0) < 0.1
    assert 0.0 <= (ours.renamed_worst_day or 0.0) <= 1.0
    assert 0.0 < (ours.lag_hours or 0.0) <= 720.0
    assert offline.flap_per_event is None
    assert all(rows[name].renamed_worst_day is None for name in ("offline", "minibatch", "nmf", "rfm"))
    assert rfm.inertia_ratio is None
    assert rfm.k > 6
    assert all(row.k == 6 for row in shop.rows if row is not rfm)
    assert all(row.next_30_days_explained is not None for row in shop.rows)
    assert (rows["minibatch"].cpu_us_per_sample or 0.0) > 0.0
    assert shop.customers == 150
    assert shop.events > 1000
    assert shop.rejected == 0
    assert shop.unassigned_share == 0.0
    assert shop.births is not None
    assert shop.births.k == shop.k == 6, "births are of the same run as the agreement"
    assert shop.true_groups == 6


def test_one_extreme_customer_is_no_segment_and_noise_does_not_cut_the_others() -> None:
    """Issue 14: 39 of 40 differ by the seconds between their purchases, and one is far from all."""
    found = judged(spending(lambda n: 5000.0 if n == 1 else 20.0))
    ours, offline = found.rows[:2]
    assert found.unassigned_share == 1.0
    assert found.degenerate
    assert [row.largest_share for row in (ours, offline)] == [1.0, 1.0]
    assert offline.ari_to_offline is None


def test_one_extreme_customer_does_not_hide_two_groups() -> None:
    found = judged(spending(lambda n: 5000.0 if n == 1 else 20.0 if n % 2 else 200.0))
    ours, offline = found.rows[:2]
    assert found.unassigned_share == 0.0
    assert ours.largest_share == 21 / 40, "who spends most is with the 20 who spend much"
    assert not ours.degenerate
    assert not offline.degenerate


def test_a_degenerate_answer_is_named_and_has_no_agreement() -> None:
    """Issue 14: three customers of 80 are far from all others, who are alike."""
    found = judged(spending(lambda n: 5000.0 if n < 3 else 20.0, customers=80))
    ours, offline = found.rows[:2]
    assert found.degenerate
    assert [row.largest_share for row in (ours, offline)] == [77 / 80, 77 / 80]
    assert ours.degenerate
    assert offline.degenerate
    assert ours.ari_to_offline is None
    assert ours.ari_after is None


def test_a_method_that_chooses_its_number_of_groups_says_so_and_has_no_inertia() -> None:
    """There are two clear groups here, and three are asked for."""
    rows = {row.method: row for row in judged(events(), "river-dbstream", "betula", k=3).rows}
    assert list(rows) == ["streamseg", "offline", "betula", "river-dbstream"]
    assert rows["betula"].k == 3
    assert (rows["betula"].inertia_ratio or 0.0) >= 1.0 - 1e-9
    assert rows["river-dbstream"].k == 2
    assert rows["river-dbstream"].inertia_ratio is None


def test_the_next_30_days_are_those_of_the_same_customers_for_all_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each buys on the last 31 of 60 days, which come after the segments. Six who are erased in them are left out."""
    asked: list[tuple[int, Floats]] = []
    monkeypatch.setattr(stream_evaluation, "explained", lambda labels, bought: asked.append((len(labels), bought)))
    judged(events(erased=frozenset(range(6))), "betula", "nmf", "rfm")
    assert [labels for labels, _ in asked] == [34] * 5
    for _, bought in asked:
        assert bought[:, 1].tolist() == [31.0] * 34
        assert sorted({*bought[:, 0].tolist()}) == [31 * 2_000.0, 31 * 20_000.0]


def test_methods_learn_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set[int]()

    class Counting(MiniBatch):
        def learn(self, vectors: Floats) -> None:
            threads.update(library["num_threads"] for library in threadpool_info())
            super().learn(vectors)

    monkeypatch.setattr(stream_evaluation, "BASELINES", {"minibatch": Counting})
    with threadpool_limits(2):
        judged(events(), "minibatch")
    assert threads == {1}


def test_the_unassigned_do_not_lower_the_inertia(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a group of their own: with k other groups they would beat the ceiling."""
    settled = InProcessWorker.segments

    def with_one_unassigned(worker: InProcessWorker, slots: Slots) -> Codes:
        codes = settled(worker, slots)
        codes[:1] = UNASSIGNED
        return codes

    monkeypatch.setattr(InProcessWorker, "segments", with_one_unassigned)
    assert judged(events()).rows[0].inertia_ratio is None


def test_a_file_is_evaluated_in_its_own_currency_with_or_without_truth(tmp_path: Path) -> None:
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
    result = CliRunner().invoke(command, [*arguments, "--truth", str(tmp_path / "truth.csv")], obj=Invocation())
    assert result.exit_code == 0, result.output
    (stream,) = json.loads(result.stdout)["streams"]
    assert stream["rejected"] == 0
    assert stream["births"] is None
    assert stream["rows"][0]["method"] == "streamseg"
    assert stream["rows"][0]["ari_after"] > 0.9
    result = CliRunner().invoke(command, arguments, obj=Invocation())
    (stream,) = json.loads(result.stdout)["streams"]
    assert stream["rows"][0]["ari_after"] is None
    assert stream["rows"][0]["ari_to_offline"] > 0.9
    result = CliRunner().invoke(command, [*arguments, "--features", "value"], obj=Invocation())
    (stream,) = json.loads(result.stdout)["streams"]
    assert stream["rows"][0]["ari_to_offline"] > 0.9, "a shipped pack can be evaluated without being enabled"


def events(*, erased: frozenset[int] = frozenset(), daily: int = 40, customers: int = 40) -> list[SourceEvent]:
    """Return 60 days of purchases: every customer on the first day, `daily` of them every day; some are erased.

    Odd customers spend ten times as much as even ones.
    """
    made = []
    for day in range(60):
        for n in range(customers if day == 0 else daily):
            name, at = f"c-{n}", END + day * DAY_SECONDS + n
            body = {"value": 200.0 if n % 2 else 20.0, "currency": "EUR", "transaction_id": f"t-{n}-{day}"}
            if day < 40 or n not in erased:
                made.append(_event("purchase", name, at, event_name="purchase", **body))
        if day == 40:
            made += [_event("erasure", f"c-{n}", END + (day + 0.5) * DAY_SECONDS) for n in sorted(erased)]
    return made


def spending(value_of: Callable[[int], float], customers: int = 40) -> list[SourceEvent]:
    """Return 60 days on each of which every customer spends what `value_of` says of their number."""
    made = []
    for event in events(daily=customers, customers=customers):
        number = int(event.customer_id.removeprefix("c-"))
        body = {"value": value_of(number), "currency": "EUR", "transaction_id": f"t-{event.event_id}"}
        made.append(_event("purchase", event.customer_id, event.occurred_at, event_name="purchase", **body))
    return made


def _event(kind: str, customer: str, at: float, **body: object) -> SourceEvent:
    common = {"v": 1, "event_id": f"{customer}-{at}", "customer_id": customer, "occurred_at": rfc3339(at)}
    return SourceEvent(kind, str(common["event_id"]), customer, at, json.dumps(common | body).encode())


def judged(events: list[SourceEvent], *methods: str, k: int = 2) -> StreamResult:
    one = SegmentationSettings(features=("spend", "order_value"), k=k)
    stream = recorded("shop", events, None)
    return evaluate_stream(stream, Settings(segmentations={"behaviour": one}), 1, lambda _: None, methods)


def test_an_erasure_in_a_stream_is_no_move_and_no_crash() -> None:
    """Issue 13, item 21: the customers who remain are judged."""
    found = judged(events(erased=frozenset(range(6))))
    assert found.rejected == 0
    assert found.customers == 34
    assert found.unassigned_share == 0.0
    assert found.rows[0].renamed_worst_day == 0.0
    assert found.rows[0].ari_to_offline == pytest.approx(1.0)


def test_erased_customers_leave_the_sample_of_the_judge() -> None:
    """Issue 13, item 21."""
    worker = InProcessWorker(Settings(), 1)
    worker.flush(events(daily=0)[:10], END + 20)
    assert worker.learner.warm_up().customers == 10
    flushed = worker.flush([_event("erasure", "c-3", END + 30)], END + 40)
    assert (worker.learner.warm_up().customers, flushed.moved) == (9, 0)


def test_silent_moves_count_only_customers_without_an_event_on_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 13, item 21: of five customers two have events every day; four move each day, two of the silent three."""
    monkeypatch.setattr(playing, "SWEEPS_PER_DAY", 1)
    monkeypatch.setattr(InProcessWorker, "sweep", lambda *_: np.arange(4))
    found = judged(events(daily=2, customers=5))
    assert found.silent_moves_per_customer_day == pytest.approx(2 / 3)
    assert found.rows[0].moves_by_decay_per_day == pytest.approx(2 / 3)
    assert judged(events(daily=5, customers=5)).silent_moves_per_customer_day is None


def test_moves_that_a_model_made_are_told_from_those_by_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the present model they were in another segment at their latest event already."""
    monkeypatch.setattr(playing, "SWEEPS_PER_DAY", 1)
    monkeypatch.setattr(InProcessWorker, "sweep", lambda *_: np.arange(4))
    monkeypatch.setattr(InProcessWorker, "segments", lambda _, slots: np.full(len(slots), 7, dtype=np.uint32))
    found = judged(events(daily=2, customers=5))
    assert found.silent_moves_per_customer_day == pytest.approx(2 / 3)
    assert found.rows[0].moves_by_decay_per_day == 0.0
