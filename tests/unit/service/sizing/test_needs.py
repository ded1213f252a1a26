"""What a load needs follows from the measured figures: each dimension decides where it is the largest. Issue 15."""

import math
import re
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from streamseg.errors import SettingsError
from streamseg.service.sizing.figures import Measured, Prices, read_measured, read_prices
from streamseg.service.sizing.needs import BUSY, GIB, LEAST_PARTITIONS, Load, sizing

ROOT = Path(__file__).parents[4]
MEASURED = Measured(
    worker_us_per_event=20.0,
    redis_us_per_event=4.0,
    kafka_us_per_event=5.0,
    worker_us_per_miss=30.0,
    worker_us_per_swept_row=10.0,
    worker_us_per_string=3.0,
    cluster_worker_us_per_string=63.0,
    redis_us_per_string=2.0,
    cluster_redis_us_per_string=12.0,
    record_bytes=100.0,
    redis_bytes_per_customer=1_000.0,
    row_bytes=400.0,
    string_bytes=250.0,
    worker_bytes=200e6,
    worker_bytes_per_row=500.0,
    strings_per_event=0.0,
)
PRICES = Prices("EUR", core=10.0, gib_memory=1.0, gib_disk=0.0, gib_traffic=0.0, shard_gib=10.0)
FITTING = [(7e6, 1_000, True), (8e6, 1_000, False), (1e6, 200_000, False)]
"""Customers, events per second, and whether one Redis is enough: its memory or its core may not be."""
SMALL = Load(100_000, 100, 86_400.0, 30.0, 1_000_000)


def changed(**figures: float) -> Measured:
    return msgspec.structs.replace(MEASURED, **figures)


def test_a_small_shop_needs_one_of_each() -> None:
    one = sizing(SMALL, MEASURED, PRICES, cluster=False)
    assert (one.workers, one.redis_shards, one.partitions, one.fits) == (1, 1, LEAST_PARTITIONS, True)
    assert one.worker_bytes == 200_000_000 + 100_000 * 500
    assert one.events_bytes_per_second == 10_000


@pytest.mark.parametrize(("rate", "workers"), [(29_000, 1), (31_000, 2), (299_000, 10), (301_000, 11)])
def test_workers_follow_cpu_per_event_with_a_reserve(rate: int, workers: int) -> None:
    load = replace(SMALL, events_per_second=rate, customers=1)
    assert sizing(load, changed(worker_us_per_swept_row=0.0), PRICES, cluster=False).workers == workers
    assert workers == math.ceil(rate * 20e-6 / BUSY)


def test_workers_with_too_few_rows_in_memory_pay_for_misses_and_more_workers_hold_more() -> None:
    load = replace(SMALL, customers=10e6, events_per_second=100_000)
    roomy = sizing(replace(load, rows_in_memory=10e6), changed(worker_us_per_swept_row=0.0), PRICES, cluster=False)
    tight = sizing(load, changed(worker_us_per_swept_row=0.0), PRICES, cluster=False)
    assert roomy.workers == 4
    assert tight.workers == 6, "with 6 of 10 million rows in memory, 4 in 10 events miss: 32 us per event"
    assert tight.worker_bytes == 200e6 + 1e6 * 500


def test_sweeps_count_by_customers_and_bound() -> None:
    load = replace(SMALL, customers=500e6, events_per_second=1, rows_in_memory=1e9)
    for bound in (86_400, 3_600):
        one = sizing(replace(load, bound_seconds=bound), MEASURED, PRICES, cluster=False)
        assert one.workers == math.ceil((500e6 / (bound / 4) * 10 + 20) / 1e6 / BUSY)


def test_shards_follow_memory_or_cpu_whichever_is_more() -> None:
    large = sizing(replace(SMALL, customers=50e6), MEASURED, PRICES, cluster=True)
    assert large.redis_shards == math.ceil(50e6 * 1_000 / 0.7 / (10 * GIB))
    assert large.redis_bytes <= 10 * GIB
    busy = sizing(replace(SMALL, events_per_second=600_000), MEASURED, PRICES, cluster=True)
    assert busy.redis_shards == 5, "2.4 cores at 60 % of 4 us, and 2.3 strings a second"
    assert busy.partitions >= 8 * busy.redis_shards
    assert busy.partitions >= 3 * busy.workers
    assert busy.partitions % 8 == 0


@pytest.mark.parametrize(("customers", "rate", "fits"), FITTING)
def test_a_single_server_that_is_too_small_is_said_so(customers: float, rate: float, fits: bool) -> None:
    load = replace(SMALL, customers=customers, events_per_second=rate)
    one = sizing(load, MEASURED, PRICES, cluster=False)
    assert (one.fits, one.redis_shards) == (fits, 1)
    assert sizing(load, MEASURED, PRICES, cluster=True).fits


def test_a_cluster_pays_more_for_each_string() -> None:
    load = replace(SMALL, events_per_second=100_000, customers=1_000)
    many = changed(strings_per_event=0.5)
    single, cluster = (sizing(load, many, PRICES, cluster=one) for one in (False, True))
    assert cluster.workers - single.workers == pytest.approx(50_000 * 60e-6 / BUSY, abs=1)
    assert cluster.redis_cores - single.redis_cores == pytest.approx(50_000 * 10e-6, rel=0.01)


def test_the_bill_is_the_sum_of_its_parts_and_follows_the_prices() -> None:
    one = sizing(replace(SMALL, customers=7e6), MEASURED, PRICES, cluster=False)
    parts = {name: value for name, value in one.monthly.items() if name != "total"}
    assert sum(parts.values()) == pytest.approx(one.monthly["total"])
    assert one.monthly["redis"] == pytest.approx(2 * (10.0 + one.redis_bytes / GIB))
    assert one.monthly["kafka"] == pytest.approx(30.0), "three brokers of a core"
    twice = msgspec.structs.replace(PRICES, core=20.0)
    assert sizing(SMALL, MEASURED, twice, cluster=False).monthly["kafka"] == pytest.approx(60.0)


def test_shipped_figures_name_the_command_that_made_each() -> None:
    assert read_measured().worker_us_per_event > 0
    assert read_prices().core > 0
    text = resources.files("streamseg.service.sizing").joinpath("measured.toml").read_text()
    tables = tomllib.loads(text)
    assert {name for table in tables.values() for name in table} - {"made_by"} == set(Measured.__struct_fields__)
    benches = {path.stem for path in (ROOT / "streamseg/commands/bench").glob("[!_]*.py")}
    for table in tables.values():
        by = re.match(r'make bench ARGS="(\w+)|python -m tests\.bench\.(\w+)|assumed: \w+', table["made_by"])
        assert by is not None
        assert by[1] is None or by[1] in benches
        assert by[2] is None or (ROOT / f"tests/bench/{by[2]}.py").exists()


@pytest.mark.parametrize("text", ["core = 1", "x = [", 'currency = 1\ncore = "a"'])
def test_a_wrong_price_list_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"prices\.toml: ") as refused:
        read_prices(tmp_path / "prices.toml")
    assert "\n" not in str(refused.value)
    with pytest.raises(SettingsError, match=r"missing\.toml: "):
        read_prices(tmp_path / "missing.toml")
