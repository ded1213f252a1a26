"""The commands replay, simulate and evaluate, beside a worker on real Kafka and Redis."""

import csv
import gzip
import random
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.support.processes import run, stored_rows, worker

pytestmark = pytest.mark.integration

SHARED = Path(__file__).parents[3] / "shared" / "data" / "online-retail" / "open_slice.csv.gz"


class Purchases(NamedTuple):
    """What rows hold of a customer's purchases."""

    last_purchase: float
    transactions: int
    spend_minor: int


def stored_purchases(environment: dict[str, str]) -> dict[str, Purchases]:
    rows = stored_rows(environment)
    known = np.array(list(rows.slots.values()))
    columns = (rows.last_purchase[known], rows.transactions[known], rows.spend_minor[known])
    return {
        customer: Purchases(float(last), int(count), int(spend))
        for customer, last, count, spend in zip(rows.slots, *(c.tolist() for c in columns), strict=True)
    }


def purchases_in_file(file: Path) -> dict[str, Purchases]:
    """Sum up the lines without any code of streamseg."""
    last: dict[str, float] = defaultdict(float)
    invoices: dict[str, set[str]] = defaultdict(set)
    spend: dict[str, Decimal] = defaultdict(Decimal)
    text = (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).decode()
    for line in csv.DictReader(text.splitlines()):
        customer = line["customer_id"]
        last[customer] = max(last[customer], datetime.fromisoformat(line["timestamp"]).timestamp())
        invoices[customer].add(line["order_id"])
        spend[customer] += Decimal(line["amount"])
    return {c: Purchases(last[c], len(invoices[c]), int(spend[c] * 100)) for c in last}


def write_small_file(file: Path) -> None:
    """Write 12 customers: repeated lines, invoices with two times, amounts that floats cannot add up exactly."""
    rng = random.Random(5)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ("customer_id", "order_id", "product_id", "unit_price", "quantity", "amount", "currency", "timestamp")
        )
        for invoice in range(80):
            customer = rng.randrange(12)
            for line in range(rng.randint(1, 6)):
                price, pieces = Decimal(rng.randint(1, 2_000)) / 100, rng.randint(1, 9)
                minute = 10 + (line > 2)
                when = f"2011-01-{1 + invoice // 4:02}T{8 + invoice % 4:02}:{minute}:00Z"
                cells = (f"k{customer}", f"i{invoice}", f"p{line}", price, pieces, price * pieces, "GBP", when)
                for _ in range(1 + (rng.random() < 0.1)):
                    writer.writerow(cells)


@pytest.mark.parametrize("which", ["small", "online retail"])
def test_a_replayed_file_gives_rows_exact_to_the_second_and_the_penny(
    which: str, environment: dict[str, str], tmp_path: Path
) -> None:
    file = SHARED
    if which == "small":
        file = tmp_path / "small.csv"
        write_small_file(file)
    elif not SHARED.is_file():
        pytest.skip("the shared data set is not available")
    environment["STREAMSEG_MONEY__CURRENCY"] = "GBP"

    with worker(environment, tmp_path / "worker.log"):
        report = run(environment, "replay", str(file), "--mapping", "online_retail", "--speed", "max", "--wait")

    expected = purchases_in_file(file)
    assert (report["events"], report["rejected"]) == (sum(one.transactions for one in expected.values()), 0)
    stored = stored_purchases(environment)
    assert stored == expected
    if which == "online retail":
        assert len(stored) == 1_682
        assert sum(one.spend_minor for one in stored.values()) == 158_929_628


def test_online_segments_of_a_simulated_shop_are_nearly_as_good_as_offline_ones(
    environment: dict[str, str], tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    with worker(environment, tmp_path / "worker.log"):
        report = run(environment, "simulate", "--customers", "2000", "--days", "90", "--truth", str(truth), "--wait")
        judged = run(environment, "evaluate", "--truth", str(truth))

    assert report["events"] > 400_000
    assert judged["customers"] == 2_000
    assert sum(sum(row.values()) for row in judged["confusion"].values()) == 2_000
    assert judged["offline_ari"] > 0.6
    assert judged["ratio"] >= 0.85
