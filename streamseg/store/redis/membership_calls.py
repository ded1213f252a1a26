"""Encodes one call of the script `write_memberships` per customer, for the node that serves the customer's slot.

A Cluster takes no script over several slots, so each string is a call of its own, and packing dominates the worker's
CPU. What calls have in common is encoded once; of a call, only its own bytes are put between.
"""

from binascii import crc_hqx
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from streamseg.membership.types import OutboxEntry
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.script import Argument
from streamseg.store.redis.servers.slots import SLOTS, Call

END: Final = b"\r\n"
PLACEHOLDER: Final = "%s"


class MembershipCalls:
    """Calls that share all but the customer, the seq and the string.

    `shared` are the script's first arguments; `order` and string follow.
    """

    def __init__(self, sha: str, prefix: str, shared: Sequence[Argument]) -> None:
        arguments = [str(argument).encode() for argument in (*shared,)]
        self._begin = b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n2\r\n" % (len(arguments) + 7, sha.encode())
        before, _, after = keys.deletion_mark(PLACEHOLDER, prefix).encode().partition(PLACEHOLDER.encode())
        self._prefix, self._before_in_mark, self._after_in_mark = prefix.encode(), before, after
        self._crc = crc_hqx(self._prefix, 0)
        self._heads: dict[int, tuple[bytes, bytes]] = {}
        fixed = b"".join(b"$%d\r\n%b\r\n" % (len(value), value) for value in arguments)
        # MessagePack of [[seq], [length]] with both as 64 bits.
        self._middle = after + END + fixed + b"$21\r\n\x92\x91\xcf"

    def calls(self, entries: Sequence[OutboxEntry]) -> list[Call]:
        """Return the calls that write or delete a string each. Their slots are right for ids without braces only."""
        crc, all_heads, middle, join = self._crc, self._heads, self._middle, b"".join
        calls: list[Call] = []
        for entry in entries:
            customer = entry.customer_id.encode()
            if (heads := all_heads.get(len(customer))) is None:
                heads = all_heads[len(customer)] = self._heads_of(len(customer))
            string = entry.membership or b""
            parts = (
                heads[0],
                customer,
                heads[1],
                customer,
                middle,
                entry.seq.to_bytes(8, "big"),
                _before_string(len(string)),
                string,
                END,
            )
            calls.append((crc_hqx(customer, crc) % SLOTS, join(parts)))
        return calls

    def _heads_of(self, size: int) -> tuple[bytes, bytes]:
        """Return what stands before the customer in each of the two keys, for ids of `size` bytes."""
        mark_size = len(self._before_in_mark) + size + len(self._after_in_mark)
        return (
            b"%b$%d\r\n%b" % (self._begin, len(self._prefix) + size, self._prefix),
            b"\r\n$%d\r\n%b" % (mark_size, self._before_in_mark),
        )


@lru_cache(maxsize=4_096)
def _before_string(size: int) -> bytes:
    return b"\x91\xcf%b\r\n$%d\r\n" % (size.to_bytes(8, "big"), size)
