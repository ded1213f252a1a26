"""The store of membership strings, which readers see."""

from collections.abc import Sequence
from typing import Protocol

from streamseg.membership.types import OutboxEntry


class MembershipStore(Protocol):
    """The public membership strings, one per customer. Every call may raise `StoreUnavailableError`."""

    async def write(self, entries: Sequence[OutboxEntry]) -> set[tuple[str, int]]:
        """Set or delete strings, each only if (epoch, seq) is higher than the stored one; others are skipped.

        Called by the outbox relay. A deletion is remembered for a week, so that an older entry does not undo it.
        Entries of one customer are applied in the order given. After an error any of them may be written: call again.

        Returns customer and epoch of the entries that were skipped because a newer epoch is stored: the partition has
        had a newer owner, who has delivered them. An entry of the same epoch that was skipped is a redelivered one.

        Raises `PartlyWrittenError` where strings lie on several nodes and some of these did not answer.
        """
        ...

    async def replacements(self) -> int:
        """Return a number that rises when a node was seen to be restarted or replaced by its replica.

        It may then have lost its latest strings alone. Called by the outbox relay every few seconds. 0 for ever where
        a server that loses strings loses the rows of the same time with them. Raises while a node is away.
        """
        ...

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return strings in the order asked, None for a customer without one. Called by the API, sweeps and verify."""
        ...

    async def deletions(self, customer_ids: Sequence[str]) -> list[tuple[int, int] | None]:
        """Return (epoch, seq) of each latest deletion in the order asked, None without one within a week.

        Called by the outbox relay. A customer who returned has both: then the string is the newer one.
        """
        ...

    async def note_probe(self, partition: int, sent_at: float) -> None:
        """Store when the newest delivered probe of a partition was sent, epoch seconds. Called by the outbox relay."""
        ...

    async def probes(self) -> dict[int, float]:
        """Return what `note_probe` stored last, by partition. Called by the API every few seconds."""
        ...
