"""Issue 13, items 10, 11 and 12 on real Kafka and Redis: refunds, made-up ids, transaction ids, imports run again."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_sources_end_to_end import stored_purchases
from tests.support.processes import run, worker

pytestmark = pytest.mark.integration

FIELDS = '[fields]\ncustomer_id = "customer"\noccurred_at = "day"\n'
ORDER = (
    '[purchase]\ntransaction_id = "order_no"\ncurrency = "currency"\n[items]\nitem_id = "sku"\namount = "amount"\n'
    '[transactions]\nby = ["order_no"]\n'
)
EITHER = 'event = { column = "type", values = { sale = "purchase", refund = "refund" } }\n'
HEADER = "day,type,order_no,customer,sku,amount,currency\n"
LEDGER = HEADER + (
    "2026-10-01T10:00:00Z,sale,1001,c-anna,MUG,80.00,EUR\n"
    "2026-10-01T11:00:00Z,sale,1002,c-ben,MUG,50.00,EUR\n"
    "2026-10-06T09:00:00Z,refund,1001,c-anna,MUG,80.00,EUR\n"
    "2026-10-07T09:00:00Z,refund,1002,c-ben,MUG,10.00,EUR\n"
)
SALES = HEADER + (
    "2026-10-01T10:00:00Z,sale,2001,c-cora,MUG,80.00,EUR\n2026-10-01T11:00:00Z,sale,2002,c-dora,MUG,50.00,EUR\n"
)
REFUNDS = HEADER + (
    "2026-10-06T09:00:00Z,refund,2001,c-cora,MUG,80.00,EUR\n2026-10-07T09:00:00Z,refund,2002,c-dora,MUG,10.00,EUR\n"
)
POINTS = 'event = "purchase"\n' + FIELDS + '[purchase]\ncurrency = { constant = "EUR" }\nvalue = "amount"\n'


def written(file: Path, text: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(file)


def test_refunds_subtract_and_imports_can_be_run_again(environment: dict[str, str], tmp_path: Path) -> None:
    """Cases 01, 02, 11 and 13."""

    def replay(file: str, mapping: str | None = None, *options: str) -> dict[str, Any]:
        mapped = () if mapping is None else ("--mapping", mapping)
        return run(environment, "replay", file, *mapped, *options, "--wait")

    either = written(tmp_path / "either.toml", EITHER + FIELDS + ORDER)
    sale = written(tmp_path / "sale.toml", 'event = "purchase"\n' + FIELDS + ORDER)
    refund = written(tmp_path / "refund.toml", 'event = "refund"\n' + FIELDS + ORDER)
    points = written(tmp_path / "points.toml", POINTS)
    orders = written(tmp_path / "by_order.toml", POINTS + '[transactions]\nby = ["order"]\n')
    often = "".join(f"O-{n:03},c-often,2026-10-{n:02}T10:00:00Z,10.00\n" for n in range(1, 21))
    page = [
        {"event_id": f"a-{n}", "customer_id": "c-eva", "occurred_at": f"2026-10-0{n}T10:00:00Z", "value": 120.0}
        | {"kind": "purchase", "event_name": "purchase", "transaction_id": "T-77", "currency": "EUR"}
        for n in (1, 2, 3)
    ]
    loads = written(tmp_path / "loads.jsonl", "".join(json.dumps(one) + "\n" for one in page))

    with worker(environment, tmp_path / "worker.log"):
        replay(written(tmp_path / "ledger.csv", LEDGER), either)
        replay(written(tmp_path / "sales.csv", SALES), sale)
        replay(written(tmp_path / "refunds.csv", REFUNDS), refund)
        for day, amount in enumerate((100, 250, 300), 1):
            text = f"customer,day,amount\nk-0001,2026-10-0{day}T08:00:00Z,{amount}\n"
            replay(written(tmp_path / f"day{day}" / "points.csv", text), points)
        file = written(tmp_path / "orders.csv", "order,customer,day,amount\n" + often)
        first, again = replay(file, orders), replay(file, orders)
        assert ((first["events"], first["known"]), (again["events"], again["known"])) == ((20, 0), (0, 20))
        assert replay(loads, None, "--resend")["events"] == 3, "the worker tells that they are one order"

        stored = stored_purchases(environment)
        spent = {customer: (one.transactions, one.spend_minor / 100) for customer, one in stored.items()}
        assert spent == {
            "c-anna": (1, 0), "c-ben": (1, 40), "c-cora": (1, 0), "c-dora": (1, 40),
            "k-0001": (3, 650), "c-often": (20, 200), "c-eva": (1, 120),
        }  # fmt: skip
        verified = run(environment, "verify")
        assert {name: verified[name] for name in ("lost", "doubled", "different")} == {
            "lost": 0, "doubled": 0, "different": 0
        }  # fmt: skip
