"""The contract of `TicketStore`, on every implementation."""

import asyncio

import pytest

from streamseg.store.redis.ticket_store import RedisTicketStore
from tests.contracts.stores import Stores, connected

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_a_ticket_can_be_redeemed_again(stores: Stores) -> None:
    ticket = await stores.tickets.issue("c-é", 100)
    assert [await stores.tickets.redeem(ticket), await stores.tickets.redeem(ticket)] == ["c-é", "c-é"]
    assert await stores.tickets.redeem("t-2") is None


async def test_a_customer_keeps_a_ticket_that_no_other_customer_gets(stores: Stores) -> None:
    day = 10_000_000_000
    ticket = await stores.tickets.issue("c-1", day)
    assert await stores.tickets.issue("c-1", day) == ticket
    assert await stores.tickets.issue("c-2", day) != ticket
    assert await stores.tickets.issue("c-1", day + 1) == ticket  # the same period


async def test_processes_that_share_a_store_give_the_same_ticket(clean_redis: str) -> None:
    async with connected(clean_redis) as client:
        first, second = RedisTicketStore(client), RedisTicketStore(client)
        assert await first.issue("c-1", 86_400) == await second.issue("c-1", 86_400)


async def test_a_ticket_expires(stores: Stores) -> None:
    ticket = await stores.tickets.issue("c-1", 1)
    await asyncio.sleep(1.1)
    assert await stores.tickets.redeem(ticket) is None
