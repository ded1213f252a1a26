"""Measures how good the segments are: the worker's own path in one process, compared with other methods.

Every module here may use scikit-learn, which is no run-time dependency; without it, importing this package raises
`SettingsError`.
"""

from importlib.util import find_spec

from streamseg.errors import SettingsError

if find_spec("sklearn") is None:
    raise SettingsError("scikit-learn is not installed: pip install 'streamseg[analysis]'")
