"""Names of all keys in Redis.

Public contract: anyone may read these (grant `+get +mget ~ssg:v1:m:*`), only workers write them:

    ssg:v1:m:<customer id>          string: the membership, compact JSON; TTL
    ssg:v1:a:<customer id>          string: the view for ad servers, compact JSON, only under ads consent; TTL
    ssg:v1:catalogue                hash: segment id -> JSON of the segment
    ssg:v1:model:<segmentation>     hash: version, snapshot

Private, may change with any release:

    ssg:v1:row:{<partition>}:<bucket>       hash: customer id -> row
    ssg:v1:new:{<partition>}:<bucket>       hash: customer id -> row staged by a rebuild
    ssg:v1:part:{<partition>}               hash: the partition's metadata
    ssg:v1:outbox:{<partition>}             stream: decided changes that may still have to be delivered
    ssg:v1:flows:{<partition>}:<day % 400>  hash: `day`, and per <from>><to> the customers who moved on that day
    ssg:v1:due:{<partition>}                sorted set: customers by the next time at which a rule may change its answer
    ssg:v1:gone:{ssg:v1:m:<customer id>}    string: epoch and seq of a deletion; TTL
    ssg:v1:names                            hash: segment id -> name given by a person
    ssg:v1:notes                            hash: segment id -> JSON of a note, who wrote it and when
    ssg:v1:promoted                         hash: segmentation -> when it becomes public, epoch seconds
    ssg:v1:dropped                          hash: segmentation -> when it was given up, epoch seconds
    ssg:v1:audiences                        hash: version, snapshot: JSON of the audiences that are declared
    ssg:v1:lists                            hash: name of an uploaded list's content -> its hashes
    ssg:v1:audience-sizes                   string: JSON of the members of each audience, and of when
    ssg:v1:lookalikes                       hash: version, snapshot: JSON of all look-alikes
    ssg:v1:map:<segmentation>               string: JSON of the sampled customers in two dimensions, by pseudonyms
    ssg:v1:rfm                              string: JSON of the borders between the shop's RFM scores
    ssg:v1:probe:{<partition>}              string: when the newest delivered probe was sent, epoch seconds
    ssg:v1:layouts                          hash: fingerprint -> JSON of the layout
    ssg:v1:keys                             hash: id -> JSON of the API key, with its digest only
    ssg:v1:console-keys                     hash: id -> JSON of a key of the console, with its digest only
    ssg:v1:audit                            stream: who changed what, before and after, as JSON
    ssg:v1:{webhooks}:subscribers           hash: id -> JSON of the webhook subscriber
    ssg:v1:{webhooks}:dropped               hash: subscriber id -> number of dropped deliveries
    ssg:v1:{webhooks}:closed:<hash>         string: when a customer was removed or withdrew a consent; TTL
    ssg:v1:{webhooks}:<kind>:<subscriber>   a subscriber's deliveries: bodies, due times, parked ones, two indices
    ssg:v1:ticket:<ticket>                  string: customer id and API key id behind a ticket; TTL
    ssg:v1:ticket-secret                    string: the secret that tickets are made with
    ssg:v1:worker:<owner>                   string: JSON of what a worker reports of itself; TTL
    ssg:v1:demo                             string: present when the demo was the first to write to this store

Each write of a membership publishes an empty message on the channel named like its key (`+subscribe &ssg:v1:m:*`; on a
Cluster by SPUBLISH, `+ssubscribe`).

Braces are Redis Cluster's hash tags. All private keys of a partition share one slot, so that one script can write them.
Memberships spread over all slots; a deletion mark lies in the slot of its membership.
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
NOTES: Final = f"{PREFIX}notes"
PROMOTED: Final = f"{PREFIX}promoted"
DROPPED: Final = f"{PREFIX}dropped"
RFM: Final = f"{PREFIX}rfm"
AUDIENCE_SIZES: Final = f"{PREFIX}audience-sizes"
LISTS: Final = f"{PREFIX}lists"
AUDIENCES: Final = f"{PREFIX}audiences"
LOOKALIKES: Final = f"{PREFIX}lookalikes"
LAYOUTS: Final = f"{PREFIX}layouts"
SUBSCRIBERS: Final = f"{PREFIX}{{webhooks}}:subscribers"
DROPPED_DELIVERIES: Final = f"{PREFIX}{{webhooks}}:dropped"
API_KEYS: Final = f"{PREFIX}keys"
CONSOLE_KEYS: Final = f"{PREFIX}console-keys"
AUDIT: Final = f"{PREFIX}audit"
TICKET_SECRET: Final = f"{PREFIX}ticket-secret"
DEMO: Final = f"{PREFIX}demo"

BUCKETS: Final = 64
"""Number of hashes that hold a partition's rows, to keep each small. A power of two. Stored data depends on it."""


def membership(customer_id: str) -> str:
    """Key of the membership string. Public."""
    return MEMBERSHIP_PREFIX + customer_id


def deletion_mark(customer_id: str, prefix: str = MEMBERSHIP_PREFIX) -> str:
    """Key of the mark that a membership, or a view of it, was deleted; in the string's slot. Private."""
    return f"{PREFIX}gone:{{{prefix}{customer_id}}}"


def model(segmentation: str) -> str:
    """Key of a segmentation's current snapshot. Public."""
    return f"{PREFIX}model:{segmentation}"


def customer_map(segmentation: str) -> str:
    """Key of the map of a segmentation's customers. Private."""
    return f"{PREFIX}map:{segmentation}"


def metadata(partition: int) -> str:
    """Key of a partition's metadata. Private."""
    return f"{PREFIX}part:{{{partition}}}"


def outbox(partition: int) -> str:
    """Key of a partition's outbox. Private."""
    return f"{PREFIX}outbox:{{{partition}}}"


def flows(partition: int, place: int) -> str:
    """Key of the moves of one day, at its place in the ring of days. Private."""
    return f"{PREFIX}flows:{{{partition}}}:{place}"


def due_looks(partition: int) -> str:
    """Key of a partition's customers by when they must be looked at without an event. Private."""
    return f"{PREFIX}due:{{{partition}}}"


def probe(partition: int) -> str:
    """Key of the newest delivered probe of a partition. Private."""
    return f"{PREFIX}probe:{{{partition}}}"


@lru_cache(maxsize=4_096)
def row_buckets(partition: int) -> tuple[str, ...]:
    """Keys of a partition's rows, by bucket. Private."""
    return tuple(f"{PREFIX}row:{{{partition}}}:{bucket}" for bucket in range(BUCKETS))


@lru_cache(maxsize=4_096)
def staged_buckets(partition: int) -> tuple[str, ...]:
    """Keys of the rows that a rebuild has staged, by bucket. Private."""
    return tuple(f"{PREFIX}new:{{{partition}}}:{bucket}" for bucket in range(BUCKETS))


def deliveries(subscriber_id: str) -> tuple[str, str, str, str, str]:
    """Keys of a subscriber's deliveries by message id. Private.

    Bodies (hash); due (sorted by due time); parked (by time); order (in the order of dropping); ids (all of score 0, so
    that a range of ids can be read).
    """
    kinds = ("bodies", "due", "parked", "order", "ids")
    bodies, due, parked, order, ids = (f"{PREFIX}{{webhooks}}:{kind}:{subscriber_id}" for kind in kinds)
    return bodies, due, parked, order, ids


def closed(customer: str) -> str:
    """Key of what is closed for a customer, given as the hash in message ids. Private."""
    return f"{PREFIX}{{webhooks}}:closed:{customer}"


def bucket(customer_id: bytes) -> int:
    """Return the bucket that holds the customer's row."""
    return crc32(customer_id) & (BUCKETS - 1)


def ticket(name: str) -> str:
    """Key of the customer id behind a ticket. Private."""
    return f"{PREFIX}ticket:{name}"


def worker_report(owner: str) -> str:
    """Key of what a worker reports of itself. Private."""
    return f"{PREFIX}worker:{owner}"
