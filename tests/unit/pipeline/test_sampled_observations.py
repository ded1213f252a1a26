"""What samples tell beside the vector that is learned: everything that was observed, to four digits."""

import msgspec
import numpy as np
import pytest

from streamseg import pipeline
from streamseg.features.catalogue import catalogue
from streamseg.features.vector import names_hash
from streamseg.pipeline.sampling import _rounded
from tests.support.path import NOW, PathUnderTest, click


def test_a_sample_holds_what_was_observed_in_all_features() -> None:
    path = PathUnderTest()
    path.feed(0, click(0))
    (one,) = pipeline.sample(path.rows, path.rows.slots_of(["c-1"]), NOW, path.segmentations)
    assert one.value is not None
    value = msgspec.json.decode(one.value, type=pipeline.SampleValue)
    names = catalogue(path.rows.layout)
    assert value.observed_names == names_hash(names)
    found = dict(zip(names, value.observed, strict=True))
    assert found["transactions"] == 0
    assert found["order_value"] is None, "no prior"
    assert path.segmentations[0].features == ("views", "purchases"), "and not only those"


def test_a_missing_number_is_null_in_the_sample_and_missing_in_its_vector() -> None:
    sent = pipeline.SampleValue(segmentation="who", customer_id="c-1", at=NOW, events=1, spend_minor=0, x=(np.nan, 7.0))
    encoded = msgspec.json.encode(sent)
    assert b'"x":[null,7.0]' in encoded
    found = msgspec.json.decode(encoded, type=pipeline.SampleValue)
    assert found.x == (None, 7.0)
    np.testing.assert_array_equal(found.vector, [np.nan, 7.0])


def test_observed_numbers_have_four_digits() -> None:
    rounded = _rounded(np.array([[123_456.0, 0.00123456, 0.0, np.nan, -98.7654]]))[0]
    assert rounded[:3] == pytest.approx([123_500.0, 0.001235, 0.0], rel=1e-12)
    assert np.isnan(rounded[3])
    assert rounded[4] == pytest.approx(-98.77)
