"""Without scikit-learn, evaluation says what to install."""

import importlib
import importlib.util

import pytest

from streamseg import evaluation
from streamseg.errors import SettingsError


def test_a_missing_scikit_learn_is_reported_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'streamseg\[analysis\]'"):
        importlib.reload(evaluation)
