"""Time units as plain numbers. Below all other modules, so that every layer can import it."""

from typing import Final

DAY_SECONDS: Final = 86_400
"""An integer: whole-second arithmetic stays exact, and mixed with floats it gives the same bits as 86400.0."""
HOUR_SECONDS: Final = 3_600
