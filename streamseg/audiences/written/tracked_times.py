"""How many of the latest times rows keep, by event, as settings and files of declared segmentations write it."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from streamseg.errors import SettingsError
from streamseg.features.windows.tracked import trackers_of

LONGEST: Final = 400
"""Most days of which rows keep the amount spent."""


def _check_tracked(given: dict[str, int]) -> dict[str, int]:
    try:
        return dict(trackers_of(given))
    except SettingsError as error:
        raise ValueError(str(error)) from None


TrackedTimes = Annotated[dict[str, int], AfterValidator(_check_tracked)]
"""Times by event: `purchase = 4`, `"purchase.running" = 1`; names are as `trackers_of` gives them."""
SpentDays = Annotated[int, Field(ge=0, le=LONGEST)]
"""Days of which rows keep the amount spent."""
