"""Every key in Redis, in one place.

Public contract, to be read by anyone (grant `+get +mget ~ssg:v1:m:*`), written by workers only:

    ssg:v1:m:<customer id>          string: the membership, compact JSON; TTL
    ssg:v1:a:<customer id>          string: what ad servers may see, compact JSON; only under ads consent; TTL
    ssg:v1:catalogue                hash: segment id -> JSON of the segment
    ssg:v1:model:<segmentation>     hash: version, snapshot

Private, may change with any release:

    ssg:v1:row:{<partition>}:<bucket>       hash: customer id -> row
    ssg:v1:new:{<partition>}:<bucket>       hash: customer id -> row, while a rebuild makes them anew
    ssg:v1:part:{<partition>}               hash: the partition's head
    ssg:v1:outbox:{<partition>}             stream: changes under way
    ssg:v1:gone:{ssg:v1:m:<customer id>}    string: epoch and seq of a deletion; TTL
    ssg:v1:names                            hash: segment id -> the name that people gave it
    ssg:v1:promoted                         hash: segmentation -> from when on it is public, epoch seconds
    ssg:v1:dropped                          hash: segmentation -> when it was given up, epoch seconds
    ssg:v1:layouts                          hash: fingerprint -> JSON of what rows of that layout are made of
    ssg:v1:keys                             hash: id -> API key, hashed
    ssg:v1:{webhooks}:*                     webhooks: subscribers, deliveries, which are due, and which are parked
    ssg:v1:ticket:<ticket>                  string: whose changes an event stream tells of; TTL
    ssg:v1:ticket-secret                    string: what tickets are named with

A written membership is published, empty, on the channel of its key's name (`+subscribe &ssg:v1:m:*`).

The braces are Redis Cluster's hash tags: all private keys of a partition share one slot, so that one script can write
them; memberships spread over all slots, and the mark of a deletion lies in the slot of the string that it replaces.
"""

from functools import lru_cache
from typing import Final
from zlib import crc32

VERSION: Final = "v1"
PREFIX: Final = f"ssg:{VERSION}:"

MEMBERSHIP_PREFIX: Final = f"{PREFIX}m:"
ADS_PREFIX: Final = f"{PREFIX}a:"
CATALOGUE: Final = f"{PREFIX}catalogue"
NAMES: Final = f"{PREFIX}names"
PROMOTED: Final = f"{PREFIX}promoted"
DROPPED: Final = f"{PREFIX}dropped"
LAYOUTS: Final = f"{PREFIX}layouts"
SUBSCRIBERS: Final = f"{PREFIX}{{webhooks}}:subscribers"
DELIVERIES: Final = f"{PREFIX}{{webhooks}}:deliveries"
DUE: Final = f"{PREFIX}{{webhooks}}:due"
PARKED: Final = f"{PREFIX}{{webhooks}}:parked"
API_KEYS: Final = f"{PREFIX}keys"
TICKET_SECRET: Final = f"{PREFIX}ticket-secret"

BUCKETS: Final = 64
"""Hashes that the rows of a partition are spread over, so that none grows huge. A power of two; never change it."""


def membership(customer_id: str) -> str:
    """The membership string. Public."""
    return MEMBERSHIP_PREFIX + customer_id


def gone(customer_id: str, prefix: str = MEMBERSHIP_PREFIX) -> str:
    """The mark that a membership, or a view of it, was deleted; in the slot of the string. Private."""
    return f"{PREFIX}gone:{{{prefix}{customer_id}}}"


def model(segmentation: str) -> str:
    """The current snapshot of a segmentation. Public."""
    return f"{PREFIX}model:{segmentation}"


def part(partition: int) -> str:
    """The head of a partition. Private."""
    return f"{PREFIX}part:{{{partition}}}"


def outbox(partition: int) -> str:
    """The changes of a partition that are under way. Private."""
    return f"{PREFIX}outbox:{{{partition}}}"


@lru_cache(maxsize=4_096)
def row_buckets(partition: int) -> tuple[str, ...]:
    """The hashes of a partition's rows, by bucket. Private."""
    return tuple(f"{PREFIX}row:{{{partition}}}:{bucket}" for bucket in range(BUCKETS))


@lru_cache(maxsize=4_096)
def staged_buckets(partition: int) -> tuple[str, ...]:
    """The hashes of the rows that a rebuild makes, by bucket. Private."""
    return tuple(f"{PREFIX}new:{{{partition}}}:{bucket}" for bucket in range(BUCKETS))


def bucket(customer_id: bytes) -> int:
    """Which of the hashes has the customer's row."""
    return crc32(customer_id) & (BUCKETS - 1)


def ticket(name: str) -> str:
    """The customer behind an event stream's address. Private."""
    return f"{PREFIX}ticket:{name}"
