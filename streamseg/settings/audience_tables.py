"""The table of the settings file about audiences: how many there can be, and what rows keep for them."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from streamseg.audiences.written.tracked_times import SpentDays, TrackedTimes
from streamseg.features.identifiers.normal_forms import IdentifierKind
from streamseg.settings.toml_table import TomlTable
from streamseg.wrong_values import FORMATS

COUNTRY_CODE: Final = r"^\+?[1-9][0-9]{0,2}$|^$"
FORMATS[COUNTRY_CODE] = "must be a country code such as +31"


class AudienceSettings(TomlTable):
    """What rows keep for audiences. Rows are converted when it changes; what they did not keep is unknown at first."""

    most: int = Field(default=10, ge=0, le=100)
    """Audiences that there can be at a time. Each takes four bytes of a row."""
    tracked: TrackedTimes = Field(default_factory=dict)
    """How many of the latest times rows keep, by event: `purchase = 4` for rules on up to four purchases in a window,
    `"purchase.running" = 1` for those of one category. Each time takes four bytes of a row. The latest visit and the
    latest purchase are always kept."""
    spent_days: SpentDays = 0
    """Days of which rows keep the amount spent, for rules such as 200 within 90 days. Each takes four bytes."""
    identifiers: tuple[IdentifierKind, ...] = ()
    """Identifiers of which rows keep hashes, for lists: "email", "phone". Profiles tell them in traits of these names,
    plain or as SHA-256. Each takes 28 bytes of a row."""
    phone_country_code: Annotated[str, StringConstraints(pattern=COUNTRY_CODE)] = ""
    """Country code of phone numbers that are written without one, such as "+31". Without it, these are left out."""
