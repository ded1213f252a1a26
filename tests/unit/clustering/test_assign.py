"""The compiled snapshot: the same answer as River's `predict_one` on every row, distances and scores."""

from dataclasses import replace

import numpy as np
import pytest
from river import cluster, preprocessing

from streamseg.clustering.assign import Assigner, Assignment
from streamseg.clustering.encode import Scale
from streamseg.clustering.handover import Handover
from streamseg.clustering.identity import id_of
from streamseg.clustering.learning.clusterers import make
from streamseg.clustering.snapshot import Snapshot, SnapshotRefusedError, WarmUp

DIMENSIONS = 12


def snapshot_of(k: int, rng: np.random.Generator, constant: bool = False, bound: float | None = None) -> Snapshot:
    variance = rng.uniform(0.2, 4.0, DIMENSIONS)
    variance[3] = 0.0 if constant else variance[3]
    scale = Scale.of(rng.normal(1.0, 1.0, DIMENSIONS).tolist(), variance.tolist(), bound=bound)
    return Snapshot(
        segmentation="behaviour",
        version=1,
        parent=0,
        generation=1,
        clusterer="kmeans",
        features=tuple(f"f{i}" for i in range(DIMENSIONS)),
        skewed=tuple(i % 2 == 0 for i in range(DIMENSIONS)),
        scale=scale,
        centres=tuple(map(tuple, rng.normal(0.0, 1.0, (k, DIMENSIONS)).tolist())),
        segments=tuple(id_of("behaviour", 7 * i + 1) for i in range(k)),
        counts=(0,) * k,
        learned=0,
        samples_offset=-1,
        first_sample_at=None,
        learned_until=None,
        last_challenge_at=None,
        warm_up=WarmUp(0, 0, 0.0, 0),
    )


@pytest.mark.parametrize("bound", [None, 1.5])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("k", [5, 8, 16])
def test_the_nearest_segment_equals_rivers_prediction_on_every_row(k: int, constant: bool, bound: float | None) -> None:
    rng = np.random.default_rng([3, k])
    snapshot = snapshot_of(k, rng, constant, bound)
    vectors = rng.lognormal(0.0, 1.5, (3000, DIMENSIONS)) - 0.3
    scaler = preprocessing.StandardScaler()
    scaler.counts.update(dict.fromkeys(snapshot.features, 1))
    scaler.means.update(zip(snapshot.features, snapshot.scale.mean, strict=True))
    scaler.vars.update(zip(snapshot.features, snapshot.scale.variance, strict=True))
    kmeans = make("kmeans", snapshot.features, k)
    kmeans.place(np.array(snapshot.centres))
    assert isinstance(kmeans._model, cluster.KMeans)  # type: ignore[attr-defined]  # River's own, not ours

    assigned = Assigner(snapshot).assign(vectors).nearest
    mismatches = 0
    for row, index in zip(vectors.tolist(), assigned.tolist(), strict=True):
        logged = (np.log1p(max(v, 0.0)) if skewed else v for v, skewed in zip(row, snapshot.skewed, strict=True))
        scaled = scaler.transform_one(dict(zip(snapshot.features, map(float, logged), strict=True)))
        scaled = {name: min(max(z, -(bound or np.inf)), bound or np.inf) for name, z in scaled.items()}
        mismatches += kmeans.predict_one(scaled) != index
    assert mismatches == 0


def test_distances_are_euclidean_and_ordered() -> None:
    rng = np.random.default_rng(4)
    assigner = Assigner(snapshot_of(6, rng))
    vectors = rng.lognormal(0.0, 1.0, (200, DIMENSIONS))
    assignment = assigner.assign(vectors)
    centres = np.array(assigner.snapshot.centres)
    expected = np.linalg.norm(assigner.scaled(vectors)[:, None, :] - centres[None], axis=2)
    np.testing.assert_allclose(assignment.distances, expected, rtol=1e-9)
    ordered = np.sort(expected, axis=1)
    np.testing.assert_allclose(assignment.nearest_distance, ordered[:, 0], rtol=1e-9)
    np.testing.assert_allclose(assignment.runner_up_distance, ordered[:, 1], rtol=1e-9)
    assert not np.any(assignment.nearest_code == assignment.runner_up_code)
    np.testing.assert_allclose(assignment.score(assignment.nearest_code), 1 - ordered[:, 0] / ordered[:, 1], rtol=1e-7)


def test_for_unknown_segments_and_unassigned_the_distance_is_infinite_and_the_score_zero() -> None:
    assignment = Assignment(np.array([5, 9], dtype=np.uint32), np.array([[1.0, 2.0], [3.0, 0.5], [1.0, 4.0]]))
    segment = np.array([9, 0, 77], dtype=np.uint32)
    assert assignment.distance_to(segment).tolist() == [2.0, np.inf, np.inf]
    assert assignment.score(segment).tolist() == [0.0, 0.0, 0.0]
    assert assignment.score(np.array([5, 9, 5], dtype=np.uint32)).tolist() == [0.5, 1 - 0.5 / 3, 0.75]


def test_values_that_are_not_finite_count_as_the_mean() -> None:
    assigner = Assigner(snapshot_of(5, np.random.default_rng(5)))
    row = np.ones((3, DIMENSIONS))
    row[1, 4], row[2, 5] = np.nan, np.inf
    assert assigner.scaled(row)[1, 4] == 0.0
    assert assigner.scaled(row)[2, 5] == 0.0
    assert np.isfinite(assigner.assign(row).distances).all()


def test_vectors_with_another_number_of_features_are_refused() -> None:
    assigner = Assigner(snapshot_of(5, np.random.default_rng(6)))
    with pytest.raises(SnapshotRefusedError, match="12 features"):
        assigner.assign(np.ones((2, 11)))


def test_while_customers_move_each_is_measured_against_the_model_that_counts_for_them() -> None:
    """Segment 7 stays, 1 closes, 8 is new. Nobody enters a segment that closes, and who has moved has left it."""
    centres = ((0.0,), (10.0,))
    of_one_feature = replace(snapshot_of(5, np.random.default_rng(1)), features=("f0",), skewed=(False,))
    snapshot = replace(
        of_one_feature,
        scale=Scale((0.0,), (1.0,)),
        centres=centres,
        segments=(id_of("behaviour", 7), id_of("behaviour", 8)),
        handover=Handover((id_of("behaviour", 1), id_of("behaviour", 7)), ((4.0,), (20.0,)), 0.0, 1.0),
    )
    segment = np.array([1, 1, 7, 7, 0, 9], np.uint32)
    moved = np.array([False, True, False, True, False, False])
    found = Assigner(snapshot).assign_members(np.full((6, 1), 5.0), segment, moved)
    assert found.codes.tolist() == [7, 8, 1]
    none = np.inf
    assert found.distances.tolist() == [
        [15.0, none, 1.0],  # a member that stays: the model before
        [5.0, 5.0, none],  # one that has moved: the adopted model, and the own segment is gone
        [15.0, none, none],  # of another segment, not moved: the closing one cannot be entered
        [5.0, 5.0, none],
        [5.0, 5.0, none],  # in no segment yet: the adopted model
        [5.0, 5.0, none],  # in a segment of neither
    ]
    assert found.distance_to(segment).tolist() == [1.0, none, 15.0, 5.0, none, none]
