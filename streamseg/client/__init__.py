"""Reads memberships straight from Redis, for bidders and services that skip the HTTP API.

The keys are public contract (`streamseg.store.key_names`): `ssg:v1:m:<id>` holds the membership, `ssg:v1:a:<id>` the
view for ad servers. `deploy/redis/readers.acl` grants a reader no more than it needs. This package imports only Redis'
client, nothing else of streamseg.
"""

from streamseg.client.cache import Answer
from streamseg.client.readers import AsyncReader, Reader

__all__ = ["Answer", "AsyncReader", "Reader"]
