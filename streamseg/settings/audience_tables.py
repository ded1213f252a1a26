"""The table of the settings file about audiences: how many there can be, and what rows keep for windows of time."""

from pydantic import Field, field_validator

from streamseg.errors import SettingsError
from streamseg.features.windows.tracked import trackers_of
from streamseg.settings.toml_table import TomlTable


class AudienceSettings(TomlTable):
    """What rows keep for audiences. Rows are converted when it changes; what they did not keep is unknown at first."""

    most: int = Field(default=10, ge=0, le=100)
    """Audiences that there can be at a time. Each takes four bytes of a row."""
    tracked: dict[str, int] = Field(default_factory=dict)
    """How many of the latest times rows keep, by event: `purchase = 4` for rules on up to four purchases in a window,
    `"purchase.running" = 1` for those of one category. Each time takes four bytes of a row. The latest visit and the
    latest purchase are always kept."""
    spent_days: int = Field(default=0, ge=0, le=400)
    """Days of which rows keep the amount spent, for rules such as 200 within 90 days. Each takes four bytes."""

    @field_validator("tracked")
    @classmethod
    def _check_tracked(cls, value: dict[str, int]) -> dict[str, int]:
        try:
            return dict(trackers_of(value))
        except SettingsError as error:
            raise ValueError(str(error)) from None
