"""The sampled customers as descriptions need them, and the shop's borders of RFM scores, measured on them."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from streamseg.clustering.description.describe import Sampled
from streamseg.clustering.description.rfm import RfmBorders, measure_borders
from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import Feature
from streamseg.ports import ModelStore
from streamseg.time_units import DAY_SECONDS
from streamseg.worker.trainer.found_values import found_values, named_groups

GROWTH: Final = 2
"""The borders are measured anew when there are this many times as many buyers, else once a day of event time."""


class DescribedCustomers:
    """The latest samples of every segmentation.

    Args:
        features: every feature, by name.
        minor_units: decimal places of the currency.
    """

    def __init__(self, features: Mapping[str, Feature], minor_units: int) -> None:
        self._features = features
        self._minor = 10**minor_units
        self._samples: dict[str, Sequence[Sample]] = {}

    def keep(self, segmentation: str, samples: Sequence[Sample]) -> None:
        """Replace the samples of a segmentation."""
        self._samples[segmentation] = samples

    def group_names(self, samples: Sequence[Sample]) -> dict[str, str]:
        """Return the names of hash groups of categories, as slugs, by feature: reasons are told by them."""
        named = named_groups(samples, self._features)
        return {group: one.name.removeprefix("category_") for group, one in named.items()}

    def sampled(self, samples: Sequence[Sample]) -> tuple[Sampled, dict[str, Feature]]:
        """Return the samples as arrays, and the features of the observations by name.

        One that does not tell what was observed has no data. Values that were found in the samples follow the features
        of the catalogue.
        """
        nothing = (None,) * len(self._features)
        found, told = found_values(samples)
        groups = named_groups(samples, self._features)
        observed = np.array([one.observed or nothing for one in samples], dtype=np.float64)
        sampled = Sampled(
            [one.customer_id for one in samples],
            np.array([one.vector for one in samples]),
            np.array([one.value / self._minor for one in samples]),
            np.column_stack([observed, told, *(observed[:, [list(self._features).index(one)]] for one in groups)]),
        )
        return sampled, {**self._features, **found, **{one.name: one for one in groups.values()}}

    async def rfm_borders(self, models: ModelStore) -> RfmBorders | None:
        """Return the shop's borders, measured anew where due: on the customers of all segmentations, each once.

        Raises `StoreUnavailableError`.
        """
        present = RfmBorders.from_json(await models.rfm())
        latest: dict[str, Sample] = {}
        for samples in self._samples.values():
            for one in samples:
                if one.observed and (one.customer_id not in latest or one.at > latest[one.customer_id].at):
                    latest[one.customer_id] = one
        if not latest:
            return present
        names = list(self._features)
        at = max(one.at for one in latest.values())
        values = np.array([one.observed for _, one in sorted(latest.items())], dtype=np.float64)
        days, purchases, money = (
            values[:, names.index(name)] for name in ("purchase_recency", "transactions", "lifetime_spend")
        )
        measured = measure_borders(days, purchases, money, at)
        if measured is None:
            return present
        if present is not None and at < present.at + DAY_SECONDS and measured.buyers < GROWTH * present.buyers:
            return present
        await models.write_rfm(measured.to_json())
        return measured
