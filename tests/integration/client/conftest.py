"""A store with two customers, for the client to read."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.api import put_membership
from tests.support.served_api import membership_of


@pytest.fixture
def store(clean_redis: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(clean_redis) as client:
        put_membership(client, membership_of("c-81"))
        put_membership(client, membership_of("c-82", None))
        yield client
