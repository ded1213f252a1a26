"""Who belongs to a segmentation at all: a rule that compares one figure of a customer with a number.

`transactions >= 1` are customers who have bought. A figure is a feature of the catalogue as it was observed, without
priors, or a count that the row keeps. A customer of whom the figure is not known does not belong. Settings read rules,
so this module loads nothing.
"""

import operator
import re
from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from streamseg.errors import SettingsError
from streamseg.nearest_names import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARISONS: Final[dict[str, Any]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_MEANT: Final = {"=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "===": "=="}
_COMPARISON: Final = re.compile(r"\s*(\w+)\s*([^\w\s.+-]+)\s*(\S+)\s*")
OF_ROWS: Final = ("events", "transactions")
"""Counts that the row keeps, exact: reading them costs no more than a column."""


@dataclass(frozen=True, slots=True)
class Population:
    """The rule `figure operator number`, made by `Population.parse`.

    >>> str(Population.parse("transactions>=1"))
    'transactions >= 1'
    """

    figure: str
    operator: str
    number: float

    @classmethod
    def parse(cls, text: str) -> "Population":
        """Read a rule. Raises `SettingsError`; whether there is such a figure is told by `check`."""
        found = _COMPARISON.fullmatch(text)
        if found is None:
            raise SettingsError(f"must compare a figure with a number, such as `transactions >= 1`, not {text!r}")
        figure, sign, number = found.groups()
        if sign not in COMPARISONS:
            meant = f"; did you mean {_MEANT[sign]}?" if sign in _MEANT else ""
            raise SettingsError(f"there is no comparison {sign}: use one of {', '.join(COMPARISONS)}{meant}")
        try:
            compared = float(number.replace("_", ""))
        except ValueError:
            raise SettingsError(f"must compare with a number, not {number!r}") from None
        if not isfinite(compared):
            raise SettingsError(f"must compare with a finite number, not {number!r}")
        return cls(figure, sign, compared)

    def check(self, features: Collection[str]) -> None:
        """Raise `SettingsError` unless there is such a figure; `features` are the names of the catalogue."""
        known = {*features, *OF_ROWS}
        if self.figure not in known:
            meant = did_you_mean(self.figure, known, "; `streamseg features` lists them")
            raise SettingsError(f"there is no feature {self.figure}{meant}")

    def __str__(self) -> str:
        return f"{self.figure} {self.operator} {self.number:.15g}"

    @property
    def of_buyers(self) -> bool:
        """Whether exactly those are outside who have never bought."""
        return self.figure == "transactions" and (
            (self.operator == ">=" and 0 < self.number <= 1)
            or (self.operator == ">" and 0 <= self.number < 1)
            or (self.operator == "!=" and self.number == 0)
        )

    def holds(self, values: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        """Return the mask of the figures (n,) of which the rule holds, shape (n,). It never does for NaN."""
        known = values == values  # noqa: PLR0124  NaN is unequal to itself; NumPy is not loaded here
        answers: NDArray[np.bool_] = COMPARISONS[self.operator](values, self.number) & known
        return answers
