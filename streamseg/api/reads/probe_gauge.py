"""Show the newest probe of each partition that readers of the store can see: the last stage of the path."""

from streamseg.metrics import Metrics
from streamseg.ports import MembershipStore


class ProbeGauge:
    """Reads the delivered probes where memberships are read, and shows them as the stage `served`."""

    def __init__(self, memberships: MembershipStore, metrics: Metrics) -> None:
        self._memberships = memberships
        self._metrics = metrics

    async def refresh(self) -> None:
        """Read the probes. Raises `StoreUnavailableError`; then the gauges stay, and grow old."""
        probes = await self._memberships.probes()
        self._metrics.replace(
            self._metrics.probe_timestamp, {("served", str(partition)): at for partition, at in probes.items()}
        )
