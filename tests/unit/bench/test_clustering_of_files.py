"""`streamseg bench clustering` on event files of a shop."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamseg.commands import Invocation
from streamseg.commands.bench.clustering import command
from streamseg.errors import StreamsegError

pytestmark = pytest.mark.slow


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


def test_one_file_may_hold_clicks_and_purchases_of_a_few_hours(tmp_path: Path) -> None:
    lines = [HEADER]
    for number in range(240):
        at, buys = f"2024-03-01T{8 + number // 60:02}:{number % 60:02}:00Z", number % 4 == 0
        name = f"s{number}"
        lines.append(f"e{number},click,view,{name},,p1,20,,{at}")
        lines.append(f"f{number},click,{'cart' if buys else 'view'},{name},,p2,30,,{at}")
        if buys:
            lines += [f"g{number}-{n},purchase,purchase,{name},o{number},p{n},20,20,{at}" for n in range(3)]
    result = bench(tmp_path, MIXED, sessions="\n".join(lines))
    assert result.exit_code == 0, result.output
    (stream,) = json.loads(result.stdout)["streams"]
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
def test_a_file_without_a_valid_line_is_refused_with_the_first_reason(tmp_path: Path, line: str, reason: str) -> None:
    result = bench(tmp_path, MIXED, bad=f"{HEADER}\n{line}\n")
    assert isinstance(result.exception, StreamsegError)
    assert reason in str(result.exception)


def test_there_must_be_one_mapping_for_all_files_or_one_per_file(tmp_path: Path) -> None:
    good = f"{HEADER}\ne1,click,view,c-1,,p1,20,,2024-03-01\n"
    (tmp_path / "a.csv").write_text(good)
    (tmp_path / "map.toml").write_text(MIXED)
    arguments = ["--events", str(tmp_path / "a.csv"), *["--mapping", str(tmp_path / "map.toml")] * 2]
    result = CliRunner().invoke(command, arguments, obj=Invocation())
    assert "2 mappings for 1 files" in str(result.exception)
