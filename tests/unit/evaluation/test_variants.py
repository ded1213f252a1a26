"""Each variant differs from streamseg in what it is called after."""

import pytest

from streamseg.clustering.params import LearnerParams
from streamseg.evaluation.variants import VARIANTS, WITHOUT, Variant
from streamseg.pipeline import Segmentation
from streamseg.settings import SegmentationSettings, Settings
from streamseg.wiring.derived import derive


def changed(variant: Variant) -> set[str]:
    """Return the fields that are other ones than streamseg's, in the pack with a category and shares of devices."""
    derived = derive(Settings(segmentations={"technographic": SegmentationSettings(pack="technographic")}))
    ((learning,), (settling,)) = derived.learner_params, derived.segmentations
    pairs: list[tuple[LearnerParams | Segmentation, LearnerParams | Segmentation]] = [
        (learning, variant.of(learning)),
        (settling, variant.settled(settling)),
    ]
    return {
        name
        for one, other in pairs
        for name in type(one).__dataclass_fields__
        if getattr(one, name) != getattr(other, name)
    }


def test_streamseg_is_what_a_worker_does() -> None:
    assert not changed(VARIANTS["streamseg"])


@pytest.mark.parametrize("name", WITHOUT)
def test_one_thing_is_taken_away(name: str) -> None:
    assert len(changed(WITHOUT[name])) == 1


def test_no_method_has_two_names() -> None:
    found = [(sorted(map(str, one.learning.items())), dict(one.settling)) for one in {**VARIANTS, **WITHOUT}.values()]
    assert all(one not in found[:place] for place, one in enumerate(found))
