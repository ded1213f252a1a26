"""Replay, simulate and evaluate as a person runs them, beside a real worker on real Kafka and Redis."""

import asyncio
import csv
import gzip
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from streamseg import wiring
from streamseg.features.rows import Rows
from streamseg.settings import Settings, load_settings

pytestmark = pytest.mark.integration

SHARED = Path(__file__).parents[3] / "shared" / "data" / "online-retail" / "open_slice.csv.gz"
STREAMSEG = (sys.executable, "-c", "from streamseg.commands import main; main()")


class Figures(NamedTuple):
    last_purchase: float
    transactions: int
    spend_minor: int


@pytest.fixture
def environment(kafka_topics: str, clean_redis: str, group: str) -> dict[str, str]:
    return {
        "STREAMSEG_KAFKA__BOOTSTRAP": kafka_topics,
        "STREAMSEG_KAFKA__GROUP": group,
        "STREAMSEG_REDIS__URL": clean_redis,
        "STREAMSEG_CLOCK": "event",
        "STREAMSEG_WORKER__METRICS_PORT": "0",
    }


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as stream:
        process = subprocess.Popen([*STREAMSEG, "worker"], env=os.environ | environment, stderr=stream, stdout=stream)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()


def run(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [*STREAMSEG, *arguments, "--json"], env=os.environ | environment, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def stored_rows(settings: Settings) -> Rows:
    rows = Rows(wiring.layout_of(settings))
    async with wiring.stores(settings) as (state, _, _):
        partition = 0
        while await state.head(partition) is not None:
            cursor = -1
            while cursor != 0:
                cursor, listed = await state.scan(partition, max(cursor, 0), 1_000)
                found = {customer: row for customer, row in listed if customer not in rows.slots}
                rows.load(list(found), list(found.values()))
            partition += 1
    return rows


def stored_figures(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Figures]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    rows = asyncio.run(stored_rows(load_settings()))
    known = np.array(list(rows.slots.values()))
    columns = (rows.last_purchase[known], rows.transactions[known], rows.spend_minor[known])
    return {
        customer: Figures(float(last), int(count), int(spend))
        for customer, last, count, spend in zip(rows.slots, *(c.tolist() for c in columns), strict=True)
    }


def figures_of_file(file: Path) -> dict[str, Figures]:
    """Straight from the lines, with none of our code."""
    last: dict[str, float] = defaultdict(float)
    invoices: dict[str, set[str]] = defaultdict(set)
    spend: dict[str, Decimal] = defaultdict(Decimal)
    text = (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).decode()
    for line in csv.DictReader(text.splitlines()):
        customer = line["customer_id"]
        last[customer] = max(last[customer], datetime.fromisoformat(line["timestamp"]).timestamp())
        invoices[customer].add(line["order_id"])
        spend[customer] += Decimal(line["amount"])
    return {c: Figures(last[c], len(invoices[c]), int(spend[c] * 100)) for c in last}


def write_small_file(file: Path) -> None:
    """Twelve customers, lines that repeat, invoices with two timestamps, amounts that floats do not add up exactly."""
    luck = random.Random(5)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ("customer_id", "order_id", "product_id", "unit_price", "quantity", "amount", "currency", "timestamp")
        )
        for invoice in range(80):
            customer = luck.randrange(12)
            for line in range(luck.randint(1, 6)):
                price, pieces = Decimal(luck.randint(1, 2_000)) / 100, luck.randint(1, 9)
                minute = 10 + (line > 2)
                when = f"2011-01-{1 + invoice // 4:02}T{8 + invoice % 4:02}:{minute}:00Z"
                cells = (f"k{customer}", f"i{invoice}", f"p{line}", price, pieces, price * pieces, "GBP", when)
                for _ in range(1 + (luck.random() < 0.1)):
                    writer.writerow(cells)


@pytest.mark.parametrize("which", ["small", "online retail"])
def test_a_replayed_file_is_in_the_store_to_the_second_and_to_the_penny(
    which: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = SHARED
    if which == "small":
        file = tmp_path / "small.csv"
        write_small_file(file)
    elif not SHARED.is_file():
        pytest.skip("the shared data folder is absent")
    environment["STREAMSEG_MONEY__CURRENCY"] = "GBP"

    with worker(environment, tmp_path / "worker.log"):
        told = run(environment, "replay", str(file), "--mapping", "online_retail", "--speed", "max", "--wait")

    expected = figures_of_file(file)
    assert (told["events"], told["rejected"]) == (sum(one.transactions for one in expected.values()), 0)
    stored = stored_figures(environment, monkeypatch)
    assert stored == expected
    if which == "online retail":
        assert len(stored) == 1_682
        assert sum(one.spend_minor for one in stored.values()) == 158_929_628


def test_a_simulated_shop_is_segmented_nearly_as_well_as_offline(environment: dict[str, str], tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    with worker(environment, tmp_path / "worker.log"):
        told = run(environment, "simulate", "--customers", "800", "--days", "60", "--truth", str(truth), "--wait")
    judged = run(environment, "evaluate", "--truth", str(truth))

    assert told["events"] > 100_000
    assert judged["customers"] == 800
    assert sum(sum(row.values()) for row in judged["confusion"].values()) == 800
    assert judged["offline_ari"] > 0.6
    assert judged["ratio"] >= 0.85
