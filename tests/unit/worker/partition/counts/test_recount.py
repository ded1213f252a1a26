"""The cost of a recount; that it is exact is tested with the scenarios of sizes."""

from streamseg.worker.partition.counts.recount import Recount

PARTS, CUSTOMERS, PIECE = 4, 4_000, 100
"""Customers in each part, and how many of them are listed at once."""


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
            for number in range(start, start + PIECE):
                recount.listed(str(number), ["a"])
            listed_parts = (start + PIECE) // CUSTOMERS
            recount.forget_passed()
    assert recount.result() == {"a": PARTS * CUSTOMERS}
    assert asked <= 4 * PARTS * CUSTOMERS


def test_customers_who_passed_are_forgotten() -> None:
    recount = Recount(lambda _: True)
    for number in range(2 * PIECE):
        recount.listed(str(number), ["a"])
    recount.forget_passed()
    recount.listed("0", ["a"])  # a scan never lists a part again: this shows that it is not remembered
    assert recount.result() == {"a": 2 * PIECE + 1}
