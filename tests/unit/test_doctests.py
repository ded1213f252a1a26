"""The examples in docstrings run, and show what they say."""

import doctest
import importlib

import pytest

MODULES = [
    "streamseg.api.webhooks.messages",
    "streamseg.api.webhooks.posting",
]
"""Modules with examples."""


@pytest.mark.parametrize("module", MODULES)
def test_examples_of(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0, "the module has no examples: take it out of the list"
    assert result.failed == 0
