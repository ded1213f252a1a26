"""Shows what the API reads of the store beside answers: probes, and when keys expire."""

from collections.abc import Sequence

from streamseg.metrics import Metrics
from streamseg.ports import ApiKey, MembershipStore


class StoreGauges:
    """Sets gauges from the store that memberships are read from.

    Args:
        memberships: where probes arrive: the last stage of the path.
        metrics: of this process.
    """

    def __init__(self, memberships: MembershipStore, metrics: Metrics) -> None:
        self._memberships = memberships
        self._metrics = metrics

    async def refresh_probes(self) -> None:
        """Read the newest probe of each partition. Raises `StoreUnavailableError`; then the gauges grow old."""
        probes = await self._memberships.probes()
        self._metrics.replace(
            self._metrics.probe_timestamp, {("served", str(partition)): at for partition, at in probes.items()}
        )

    def show_expiry(self, keys: Sequence[ApiKey]) -> None:
        """Show when the last key of each name expires: a name with a key that never expires needs no care."""
        ends: dict[str, list[int | None]] = {}
        for key in keys:
            ends.setdefault(key.name, []).append(key.expires)
        self._metrics.replace(
            self._metrics.key_expiry,
            {(name,): max(end for end in each if end is not None) for name, each in ends.items() if None not in each},
        )
