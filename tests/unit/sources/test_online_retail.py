"""The shipped mapping on the shared data set gives its reference totals, exact to the second and the penny."""

import gzip
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from streamseg.sources.event import rfc3339
from streamseg.sources.reading.files import EventFile
from streamseg.sources.reading.mapping import load_mapping

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "online-retail"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data set is not available"),
]


def test_the_reference_totals_are_reproduced() -> None:
    rejected: list[tuple[int, str]] = []
    file = EventFile(
        FOLDER / "open_slice.csv.gz", load_mapping(Path("online_retail")), lambda *rejection: rejected.append(rejection)
    )
    last: dict[str, float] = {}
    spent: dict[str, Decimal] = defaultdict(Decimal)
    lines: dict[str, int] = defaultdict(int)
    transactions: dict[str, set[str]] = defaultdict(set)
    for event in file:
        body = json.loads(event.value, parse_float=Decimal)
        last[event.customer_id] = max(last.get(event.customer_id, 0.0), event.occurred_at)
        spent[event.customer_id] += body["value"]
        lines[event.customer_id] += len(body["items"])
        transactions[event.customer_id].add(body["transaction_id"])
        assert (event.kind, body["event_name"], body["currency"]) == ("purchase", "purchase", "GBP")

    assert rejected == []
    assert len(last) == 1_682
    assert sum(map(len, transactions.values())) == 3_384
    assert sum(lines.values()) == 67_313
    assert sum(spent.values()) == Decimal("1589296.28")
    assert rfc3339(max(last.values())) == "2011-02-28T17:01:00Z"
    totals = {
        customer: (rfc3339(last[customer]), len(transactions[customer]), lines[customer], spent[customer])
        for customer in ("12347", "12748", "17850")
    }
    assert totals == {
        "12347": ("2011-01-26T14:30:00Z", 2, 60, Decimal("1187.18")),
        "12748": ("2011-02-28T13:31:00Z", 44, 794, Decimal("5036.54")),
        "17850": ("2010-12-02T15:27:00Z", 34, 297, Decimal("5391.21")),
    }


def test_the_spend_of_each_customer_equals_a_plain_sum_over_the_file() -> None:
    spent: dict[str, Decimal] = defaultdict(Decimal)
    with gzip.open(FOLDER / "open_slice.csv.gz", "rt", encoding="utf-8") as stream:
        columns = next(stream).rstrip("\n").split(",")
        who, amount = columns.index("customer_id"), columns.index("amount")
        for line in stream:
            cells = line.rstrip("\n").split(",")
            spent[cells[who]] += Decimal(cells[amount])
    file = EventFile(
        FOLDER / "open_slice.csv.gz",
        load_mapping(Path("online_retail")),
        lambda *rejection: pytest.fail(str(rejection)),
    )
    mapped: dict[str, Decimal] = defaultdict(Decimal)
    for event in file:
        mapped[event.customer_id] += json.loads(event.value, parse_float=Decimal)["value"]
    assert mapped == spent
