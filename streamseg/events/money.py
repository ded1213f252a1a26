"""Converts amounts to integer minor units of the configured currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from streamseg.events.rejection import Reason, RejectionError

MAX_MINOR: Final = 2**50
"""Largest amount accepted, in minor units. A float holds every integer up to here exactly."""


@dataclass(frozen=True)
class Money:
    """The configured currency, and the rates of the others.

    `minor_units` is its number of decimal places; `rates` are units of it per unit of another currency, by code.
    """

    currency: str
    minor_units: int = 2
    rates: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def known(self) -> frozenset[str | None]:
        """Currencies that can be converted; None stands for the configured one."""
        return frozenset({None, self.currency, *self.rates})

    @cached_property
    def _minor_per_unit(self) -> dict[str | None, float]:
        scale = 10.0**self.minor_units
        own = {None: scale, self.currency: scale}
        return {currency: rate * scale for currency, rate in self.rates.items()} | own

    def minor(self, amount: float, currency: str | None) -> int:
        """Convert to minor units of the configured currency, rounded to the nearest (halves to even).

        An amount in the configured currency with no more decimals than it has is exact: 15.3 EUR is 1530.
        `currency` None means the configured one.

        Raises:
            RejectionError: the currency has no rate, or the result is above `MAX_MINOR`.
        """
        try:
            minor = amount * self._minor_per_unit[currency]
        except KeyError:
            detail = f"currency: {currency} is neither money.currency, which is {self.currency}, nor in money.rates"
            raise RejectionError(Reason.CURRENCY, detail) from None
        if not abs(minor) <= MAX_MINOR:
            raise RejectionError(Reason.CURRENCY, "value: too large in the configured currency")
        return round(minor)
