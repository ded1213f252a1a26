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

    async def server_runs(self) -> str:
        """Return a name of the server processes that hold the strings: another one when any is a new one.

        One that was restarted or replaced by its replica may have lost its latest strings, and not the rows and the
        outbox entries that were written before them. Called by the outbox relay every few seconds. Raises while a
        server is away.
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
