"""The pure parts of the benchmarks: loads per contestant, process statistics, percentiles, needed cores."""

import os
import subprocess
import sys

import pytest

from tests.bench.growth.measure_growth import fitting
from tests.bench.latency.generator import probes, records
from tests.bench.peers.environment import LOCK, PATHWAY_LOCK, folder_of, versions
from tests.bench.percentiles import percentiles
from tests.bench.process_usage import cpu_seconds, resident_bytes, ticks_of
from tests.bench.scaling.capacity import Cost, needed
from tests.bench.throughput.contestants import CONTESTANTS
from tests.bench.throughput.measure_throughput import turns


def test_slow_peers_get_a_smaller_load_of_the_same_kind() -> None:
    whole, small = turns("flat", 1_000_000, 200_000, 100_000, list(CONTESTANTS))

    assert (whole.names, whole.load.events, whole.load.customers) == (
        (
            "streamseg",
            "streamseg-audiences",
            "kafka-streams",
            "kafka-streams-rocksdb",
            "flink",
            "flink-rocksdb",
            "bytewax",
            "pathway",
            "limit",
            "bare",
        ),
        10**6,
        200_000,
    )
    assert (small.names, small.load.events, small.load.customers) == (("faust", "quix"), 100_000, 20_000)
    assert not small.load.skewed


@pytest.mark.parametrize("names", [["streamseg", "limit"], ["faust"]])
def test_a_short_run_gives_all_contestants_the_same_load(names: list[str]) -> None:
    (turn,) = turns("skewed", 20_000, 4_000, 20_000, names)

    assert turn.names == tuple(names)
    assert turn.load.skewed


def test_slow_peers_alone_get_the_small_load_only() -> None:
    (turn,) = turns("skewed", 20_000, 4_000, 1_000, ["faust"])

    assert (turn.load.events, turn.load.customers) == (1_000, 200)


def test_cpu_time_is_read_for_any_process_name() -> None:
    assert ticks_of("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16") == 11 + 12 + 13 + 14


def test_cpu_time_of_children_counts_after_they_ended() -> None:
    before = cpu_seconds(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_seconds(os.getpid()) - before >= 0.25
    assert resident_bytes(os.getpid()) > 10_000_000


def test_peers_are_pinned_with_hashes_and_without_an_index_url() -> None:
    assert set(versions()) == {"bytewax", "quixstreams", "pathway"}
    for lock in (LOCK.read_text(), PATHWAY_LOCK.read_text()):
        assert "--hash=sha256:" in lock
        assert "://" not in lock
    assert folder_of(b"a") != folder_of(b"b")


def test_percentiles_are_values_that_occurred() -> None:
    assert percentiles([float(n) for n in range(1000, 0, -1)]) == {"p50": 500.0, "p99": 990.0, "p99.9": 999.0}
    assert percentiles([0.25]) == {"p50": 0.25, "p99": 0.25, "p99.9": 0.25}
    with pytest.raises(ValueError, match="no latencies"):
        percentiles([])


def test_probes_are_new_customers_at_fixed_places_in_the_load() -> None:
    sent = list(records(1_000.0, 2.0, 50, "p"))

    assert list(probes(1_000.0, 2.0)) == [n for n, (key, _) in enumerate(sent) if key.startswith(b"p-")]
    assert len(sent) == 2_000
    assert len({key for key, _ in sent if key.startswith(b"p-")}) == 500
    assert all(b'"customer_id":"%s"' % key in value for key, value in sent)


def test_at_a_low_rate_every_other_click_is_a_probe() -> None:
    assert list(probes(10.0, 1.0)) == [0, 2, 4, 6, 8]


def test_needed_cores_are_rounded_up_at_the_peak() -> None:
    need = needed(86_400 * 100_000, Cost(worker=9.9e-6, redis=1e-6, kafka=2.1e-6, record_bytes=250.0))

    assert (need["average_events_per_second"], need["peak_events_per_second"]) == (100_000, 300_000)
    assert (need["workers"], need["redis_shards"], need["kafka_cores"]) == (5, 1, 2)
    assert need["kafka_bytes_per_second_at_peak"] == 75_000_000


def test_sizes_that_exceed_the_memory_are_skipped() -> None:
    assert fitting([1_000_000, 10_000, 10_000, 100_000], 1_000_000_000) == [10_000, 100_000]
    assert fitting([1_000_000, 100_000], 1_800_000_000) == [100_000]
    assert fitting([1_000_000, 100_000], 1_800_000_000, rows=100_000) == [100_000, 1_000_000]
