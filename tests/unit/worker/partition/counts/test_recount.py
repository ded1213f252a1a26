"""The cost of a recount; that it is exact is tested with the scenarios of sizes."""

from collections.abc import Iterable

from streamseg.worker.partition.counts.recount import Recount

PARTS, CUSTOMERS, PIECE = 4, 4_000, 100
"""Customers in each part, and how many of them are listed at once."""


def count(recount: Recount, customers: Iterable[int]) -> None:
    recount.sizes["a"] += len(recount.listed([str(one) for one in customers]))


def test_whether_a_customer_has_passed_is_asked_a_few_times_only() -> None:
    asked = 0
    listed_parts = 0

    def passed(customer: str) -> bool:
        nonlocal asked
        asked += 1
        return int(customer) // CUSTOMERS < listed_parts

    recount = Recount(passed)
    for part in range(PARTS):
        for start in range(part * CUSTOMERS, (part + 1) * CUSTOMERS, PIECE):
            count(recount, range(start, start + PIECE))
            listed_parts = (start + PIECE) // CUSTOMERS
            recount.forget_passed()
    assert recount.result() == {"a": PARTS * CUSTOMERS}
    assert asked <= 4 * PARTS * CUSTOMERS


def test_customers_who_passed_are_forgotten() -> None:
    recount = Recount(lambda _: True)
    count(recount, range(2 * PIECE))
    count(recount, range(PIECE))
    assert recount.result() == {"a": 2 * PIECE}, "whoever is remembered is counted once"
    recount.forget_passed()
    count(recount, [0])  # a scan never lists a part again: this shows that it is not remembered
    assert recount.result() == {"a": 2 * PIECE + 1}
