"""In whatever order a customer's writes arrive, the one with the highest (epoch, seq) is kept."""

import asyncio
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry
from streamseg.ports import MembershipStore
from streamseg.store.memory import MemoryMembershipStore
from streamseg.store.redis import RedisMembershipStore
from tests.contracts.stores import connected

_names = (f"order-{n}" for n in count())

orders = st.tuples(st.integers(1, 4).map(lambda n: 1_795_415_000_000 + n), st.integers(1, 5))
decided = st.dictionaries(orders, st.booleans(), min_size=1, max_size=8)
"""A decision per (epoch, seq): True writes a string, False deletes."""


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[tuple[int, int], bool], list[list[tuple[int, int]]]]:
    """Decisions, delivered at least once each, in any order, in any number of calls."""
    decisions = draw(decided)
    once = draw(st.permutations(list(decisions)))
    again = draw(st.lists(st.sampled_from(list(decisions)), max_size=6))
    sequence = draw(st.permutations([*once, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(sequence)), max_size=3)))
    return decisions, [
        sequence[start:end] for start, end in zip([0, *cuts], [*cuts, len(sequence)], strict=True) if start < end
    ]


def entry(customer_id: str, order: tuple[int, int], writes: bool) -> OutboxEntry:
    membership = Membership(customer_id, *order, 0, {}, {}, Consent(False, True))
    return OutboxEntry(customer_id, *order, encode(membership) if writes else None)


async def check(
    store: MembershipStore, decisions: dict[tuple[int, int], bool], calls: list[list[tuple[int, int]]]
) -> None:
    customer_id = next(_names)
    highest = (0, 0)
    for call in calls:
        await store.write([entry(customer_id, order, decisions[order]) for order in call])
        highest = max(highest, *call)
        expected = entry(customer_id, highest, decisions[highest]).membership
        assert await store.read([customer_id]) == [expected]


@given(deliveries())
@settings(max_examples=100, deadline=None)
def test_the_highest_order_is_kept_in_memory(
    delivered: tuple[dict[tuple[int, int], bool], list[list[tuple[int, int]]]],
) -> None:
    asyncio.run(check(MemoryMembershipStore(ttl_seconds=1_000), *delivered))


@given(delivered=deliveries())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_highest_order_is_kept_on_redis(
    redis_url: str, delivered: tuple[dict[tuple[int, int], bool], list[list[tuple[int, int]]]]
) -> None:
    async def on_redis() -> None:
        async with connected(redis_url) as client:
            await check(RedisMembershipStore(client, ttl_seconds=1_000), *delivered)

    asyncio.run(on_redis())
