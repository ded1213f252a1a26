"""One currency for all amounts, counted in its minor units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from streamseg.events.rejection import Reason, RejectionError

MAX_MINOR: Final = 2**50
"""Minor units up to which a float names every one of them; above, an amount is rejected."""


@dataclass(frozen=True)
class Money:
    """The configured currency, how many decimals it has, and units of it per unit of other currencies."""

    currency: str
    minor_units: int = 2
    rates: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def known(self) -> frozenset[str | None]:
        """Currencies that can be counted; None stands for the configured one."""
        return frozenset({None, self.currency, *self.rates})

    @cached_property
    def _minor_per_unit(self) -> dict[str | None, float]:
        scale = 10.0**self.minor_units
        own = {None: scale, self.currency: scale}
        return {currency: rate * scale for currency, rate in self.rates.items()} | own

    def minor(self, amount: float, currency: str | None) -> int:
        """The amount in minor units of the configured currency, the nearest one (halves to even).

        An amount of the configured currency with no more than its decimals comes out exact: 15.3 EUR is 1530.
        `currency` None means the configured one. Raises `RejectionError` for a currency without a rate, and above
        `MAX_MINOR`.
        """
        try:
            minor = amount * self._minor_per_unit[currency]
        except KeyError:
            raise RejectionError(Reason.CURRENCY, "currency: has no rate in money.rates") from None
        if not abs(minor) <= MAX_MINOR:
            raise RejectionError(Reason.CURRENCY, "value: too large in the configured currency")
        return round(minor)
