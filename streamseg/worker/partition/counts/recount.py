"""Counts the customers of each segment during a sweep, while customers go on moving."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence


class Recount:
    """The count of one sweep. Exact at the end of the sweep, whatever moved meanwhile.

    A customer is counted when the sweep lists the row, or at their first move before that. Later moves change the
    count. Customers are forgotten after their part of the store is listed completely.

    Args:
        passed: whether the sweep has listed the customer's part of the store completely.
    """

    def __init__(self, passed: Callable[[str], bool]) -> None:
        self._passed = passed
        self._ahead: set[str] = set()
        """Customers who are counted although the sweep may still list them."""
        self._look_at = 0
        """Number of them at which those who passed are looked for."""
        self.sizes: Counter[str] = Counter()
        """Customers by segment id."""

    def listed(self, customer_ids: Sequence[str]) -> list[int]:
        """Return which of the listed customers are not counted yet, by position; the caller adds them to `sizes`."""
        new = [at for at, customer in enumerate(customer_ids) if customer not in self._ahead]
        self._ahead.update(customer_ids)
        return new

    def moved(self, customer_id: str, before: Iterable[str], after: Iterable[str]) -> None:
        """Count a customer who moved, entered or was removed; segments of all segmentations, before and after."""
        if customer_id in self._ahead or self._passed(customer_id):
            self.sizes.subtract(before)
            self.sizes.update(after)
        else:
            self._ahead.add(customer_id)
            self.sizes.update(after)

    def forget_passed(self) -> None:
        """Forget the customers whose part of the store is listed completely by now.

        Looks for them once twice as many are remembered as after the last look. A look after every piece takes 8 s in
        a sweep of a million rows.
        """
        if len(self._ahead) >= self._look_at:
            self._ahead = {one for one in self._ahead if not self._passed(one)}
            self._look_at = 2 * len(self._ahead)

    def result(self) -> dict[str, int]:
        """Return the customers of each segment that has any."""
        return {segment: size for segment, size in self.sizes.items() if size}
