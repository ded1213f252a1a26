"""Our murmur2, of one key and of many, equals aiokafka's."""

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from streamseg.kafka.partitioner import WORTH_COLUMNS, misrouted, partition_of, partitions_of

customer_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
partition_counts = st.integers(1, 1_024)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=30), partition_counts)
def test_every_key_falls_where_java_puts_it(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions).tolist() == [(murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]


@given(customer_ids, partition_counts)
def test_one_customer_falls_where_java_puts_the_key(customer_id: str, partitions: int) -> None:
    assert partition_of(customer_id, partitions) == (murmur2(customer_id.encode()) & 0x7FFFFFFF) % partitions


@given(st.lists(customer_ids, max_size=2 * WORTH_COLUMNS), st.integers(1, 8), st.data())
def test_misrouted_customers_are_those_of_other_partitions(
    customers: list[str], partitions: int, data: st.DataObject
) -> None:
    partition = data.draw(st.integers(0, partitions - 1))
    right = {one for one in customers if (murmur2(one.encode()) & 0x7FFFFFFF) % partitions == partition}
    assert misrouted(customers, partition, partitions) == set(customers) - right
