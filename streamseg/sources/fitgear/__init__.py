"""FitGear, a simulated fitness shop: a seeded stream of events with known true customer groups."""

from streamseg.sources.fitgear.shop import FitGear

__all__ = ["FitGear"]
