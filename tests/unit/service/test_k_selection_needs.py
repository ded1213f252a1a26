"""Without scikit-learn the advice on k is one line that says what to install, not a stack trace."""

import numpy as np
import pytest

from streamseg.errors import SettingsError
from streamseg.service import k_selection


def test_advice_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k_selection, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"scikit-learn is not installed: pip install 'streamseg\[analysis\]'"):
        k_selection.advise(np.zeros((4, 1)), (), 2)
