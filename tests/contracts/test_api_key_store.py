"""The contract of `ApiKeyStore`, on every implementation."""

from dataclasses import replace

import pytest

from streamseg.ports import ApiKey
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

KEY = ApiKey("key-1", "shop", "secret", "ab" * 32, 100)


async def test_keys_are_added_replaced_listed_and_removed(stores: Stores) -> None:
    other = ApiKey("key-0", "page", "publishable", "cd" * 32, 99, 500)
    await stores.api_keys.put(KEY)
    await stores.api_keys.put(other)
    assert await stores.api_keys.all() == [other, KEY]
    await stores.api_keys.put(replace(KEY, expires=7))
    assert (await stores.api_keys.all())[1].expires == 7
    assert await stores.api_keys.remove("key-1") is True
    assert await stores.api_keys.remove("key-1") is False
    assert await stores.api_keys.all() == [other]
