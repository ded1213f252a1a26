"""What a feature is: a named number of a customer, with its unit, meaning and formula."""

from dataclasses import dataclass, field
from typing import Final

from streamseg.features.formulas import Formula

YES_OR_NO: Final = "0 or 1"
"""Unit of features that hold only 0 or 1."""
EVEN_SPLIT_VARIANCE: Final = 0.5
"""Of the block of a category, summed over two values that are equally frequent."""
LEAST_MIX_VARIANCE: Final = 0.1
"""Of a block of shares that add up to 1, summed: a fifth of that of customers who each have one of two."""
AS_SENT: Final = "as sent"
"""Unit of attributes that are numbers: only the sender knows it."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A named number of a customer. `skewed` features are compared on a logarithmic scale, log1p.

    `attribute` names the profile attribute that the feature is computed from, if any. Features with the same `block`
    together weigh like one feature: those of one category-valued attribute, and the shares of the devices (the rarely
    used tablets alone would otherwise weigh as much as any other feature).
    """

    name: str
    unit: str
    meaning: str
    skewed: bool
    formula: Formula = field(repr=False, compare=False)
    attribute: str = ""
    block: str = ""
    value: str = ""
    """In a feature of a category-valued attribute: the value that it stands for, as declared."""
    hashed: bool = False
    """Whether it stands for a hash group of values: models compare it, people are told the values themselves."""

    @property
    def least_variance(self) -> float:
        """Variance that the feature, or its block as a whole, counts with at least; 0 for none.

        What has a fixed range is not stretched because few customers differ in it. Two categories are then at most two
        deviations apart.
        """
        if self.unit == YES_OR_NO:
            return EVEN_SPLIT_VARIANCE
        return LEAST_MIX_VARIANCE if self.block else 0.0

    @property
    def subject(self) -> str:
        """What a value is a value of, in plain words: the attribute, or what it was grouped as."""
        return (self.block or self.attribute).removeprefix("profile_").replace("_", " ")
