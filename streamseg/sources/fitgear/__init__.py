"""FitGear, the simulated fitness shop: a seeded stream of events whose customers' true groups are known."""

from streamseg.sources.fitgear.shop import FitGear

__all__ = ["FitGear"]
