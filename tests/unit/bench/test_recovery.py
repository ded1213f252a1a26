"""How a recovery is computed from probes."""

from itertools import islice

import pytest

from streamseg.kafka.partitioner import partition_of
from tests.bench.recovery.measure_recovery import missing
from tests.bench.recovery.probes import Probe, Recovery, customers_on, recovery


def test_recovery_ends_when_all_partitions_write_again_and_no_probe_is_late() -> None:
    probes = [
        Probe("a", 0, 9.0, 9.1),
        Probe("b", 0, 11.0, 11.1),
        Probe("c", 1, 9.9, 16.5),
        Probe("d", 1, 12.0, 17.0),
        Probe("e", 2, 12.0, 18.0),
        Probe("f", 1, 17.0, 18.5),
        Probe("g", 1, 18.2, 18.6),
    ]

    assert recovery(probes, killed_at=10.0) == Recovery(taken_over=8.0, full_rate=8.5)


def test_late_probes_before_the_kill_do_not_count() -> None:
    with pytest.raises(ValueError, match="no probe was late"):
        recovery([Probe("a", 0, 1.0, 9.0), Probe("b", 0, 11.0, 11.1)], killed_at=10.0)


def test_probe_ids_belong_to_their_partition_and_are_distinct() -> None:
    names = list(islice(customers_on(3, 4), 50))

    assert {partition_of(name, 4) for name in names} == {3}
    assert len(set(names)) == 50


def test_events_that_count_twice_do_not_hide_those_that_are_lost() -> None:
    sent = {"a": 3, "b": 2, "c": 1}

    assert missing(sent, {"a": 3, "b": 2, "c": 1}) == 0
    assert missing(sent, {"a": 9, "b": 1}) == 2
