"""Our vectorised murmur2 agrees with aiokafka's for every key."""

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from streamseg.kafka.partitioner import partitions_of


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=30), st.integers(1, 1_024))
def test_every_key_gets_the_partition_of_java_s_partitioner(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions).tolist() == [(murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]
