"""The layout's documented example."""

import doctest

from streamseg.features import layout


def test_the_example_in_the_docstring_runs() -> None:
    result = doctest.testmod(layout)
    assert result.attempted
    assert not result.failed
