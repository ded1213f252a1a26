"""What the tests of the deployment files share."""

import shutil

import pytest


@pytest.fixture
def promtool() -> str:
    """The path of promtool; without it the test is skipped."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return found
