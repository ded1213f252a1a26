"""`streamseg size` reads amounts as people write them, fits 80 columns and prints one document. Issue 15."""

import json
from pathlib import Path

import pytest

from tests.support.text_output import assert_fits, run

pytestmark = pytest.mark.usefixtures("terminal")


@pytest.mark.parametrize(("customers", "rate"), [("1M", "2k"), ("50M", "100k"), ("0.5G", "1M")])
def test_sizes_fit_the_terminal(customers: str, rate: str) -> None:
    result = run("size", "--customers", customers, "--events-per-second", rate)
    assert_fits(result.output)
    assert "total, EUR a month" in result.output
    assert result.exit_code == 0


def test_json_has_both_ways_and_what_was_asked() -> None:
    written = json.loads(run("size", "--customers", "50M", "--events-per-second", "100k", "--json").stdout)
    assert (written["customers"], written["events_per_second"], written["currency"]) == (50e6, 100e3, "EUR")
    assert written["single"].keys() == written["cluster"].keys()
    assert written["single"]["redis_shards"] == 1
    assert written["cluster"]["redis_shards"] > 1
    assert written["cluster"]["monthly"]["total"] > 0


def test_a_price_list_of_ones_own_is_used(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "SEK"\ncore = 0\ngib_memory = 0\ngib_disk = 0\ngib_traffic = 0\nshard_gib = 64\n')
    result = run("size", "--customers", "1M", "--events-per-second", "1k", "--prices", str(prices), "--json")
    written = json.loads(result.stdout)
    assert (written["currency"], written["single"]["monthly"]["total"]) == ("SEK", 0.0)


@pytest.mark.parametrize("amount", ["0", "-1", "many", "1T", ""])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    assert run("size", "--customers", amount, "--events-per-second", "1").exit_code == 2
