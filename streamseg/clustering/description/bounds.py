"""What must be true of a segment's figures before a word is said of it."""

from dataclasses import dataclass
from typing import Final, Literal

from streamseg.clustering.description.difference import Figures

MOST: Final = 0.5
"""Share from which "most" and "mostly" are said."""
MARGIN: Final = 0.1
"""A new word must clear its bounds by this share; one that is said already may stay while they just hold."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on a figure of the members.

    With `times_others` the limits are multiplied by that figure of the others.
    """

    feature: str
    least: float | None = None
    most: float | None = None
    of: Literal["median", "mean", "some", "known", "low", "high"] = "median"
    times_others: Literal["", "median", "mean"] = ""

    def holds(self, figures: Figures, margin: float) -> bool:
        """Return whether the figure lies within the limits by the margin; no figure, no truth."""
        one = figures.get(self.feature)
        if one is None or one.known < MOST:
            return False
        value = float(getattr(one, self.of))
        unit = {"": 1.0, "median": one.others_median, "mean": one.others_mean}[self.times_others]
        above = self.least is None or value >= self.least * unit * (1.0 + margin)
        return above and (self.most is None or value <= self.most * unit * (1.0 - margin))


@dataclass(frozen=True, slots=True)
class Word:
    """A word about members who have more (sign 1) or less (sign -1) of a feature than other customers.

    A word of sign 0 sets nobody apart: it is said where no other is.
    """

    key: str
    feature: str
    sign: int
    bounds: tuple[Bound, ...]
    family: str
    """Words of one family say the same thing: a label uses only one of them."""
    noun: bool = True
    """Whether it can name the customers by itself."""
    text: str = ""
    """A name of the shop's that the word is about, such as a category."""
    of: str = ""
    """What `text` is a value of."""
    weight: float = 1.0
    """How much its effect counts where words are chosen."""

    def holds(self, figures: Figures, margin: float = 0.0) -> bool:
        """Return whether all its bounds hold."""
        return all(bound.holds(figures, margin) for bound in self.bounds)

    def as_json(self) -> dict[str, str]:
        """Return what is stored of it."""
        return {"key": self.key} | {name: text for name, text in (("text", self.text), ("of", self.of)) if text}


def more(feature: str, times: float, least: float = 1e-9) -> tuple[Bound, ...]:
    """Return the bounds of a figure that is high by itself, and against the others in both kinds of average.

    The others' median alone would make big spenders of a middle group where most others spend little or nothing, and
    the others' mean alone of those who are beside a few very small ones.
    """
    return (
        Bound(feature, least=least),
        Bound(feature, least=times, times_others="median"),
        Bound(feature, least=1.0, times_others="mean"),
    )


def less(feature: str, times: float) -> tuple[Bound, ...]:
    """Return the bounds of a figure that is low against the others' median, and not nothing."""
    return (Bound(feature, most=times, times_others="median"), Bound(feature, least=1e-9))


def part(feature: str, least: float, times: float = 1.2) -> tuple[Bound, ...]:
    """Return the bounds of a share of a whole: high by itself, and against the others."""
    return (Bound(feature, least=least, of="mean"), Bound(feature, least=times, of="mean", times_others="mean"))
