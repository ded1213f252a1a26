"""What is known of an uploaded list beside its content: kept with the declared audiences."""

from typing import Final

import msgspec

from streamseg.errors import SettingsError

MOST_ENTRIES: Final = 2_000_000
"""Hashes of one list: 16 MB in the store and in each worker. A phone number and an address at Gmail have two."""
MOST_IN_ALL: Final = 8_000_000
"""Hashes of all lists."""
MOST_LISTS: Final = 50


class UploadedList(msgspec.Struct, frozen=True, kw_only=True):
    """One list: what was uploaded, and when it ends."""

    id: str
    version: int
    """Rises with each upload under this id."""
    content: str
    """Name of its content in the store."""
    kinds: tuple[str, ...]
    """What it holds: `id` and kinds of identifiers, sorted; a hash may be of either kind."""
    lines: int
    """Of the file, without empty ones and without the heading."""
    valid: int
    duplicates: int
    """Valid lines that say nothing new."""
    entries: int
    """Hashes."""
    uploaded_at: int
    """Wall time, epoch seconds."""
    ends: float | None = None
    """From when on nobody is on it, epoch seconds; None for never."""


def check_room(lists: tuple[UploadedList, ...]) -> None:
    """Refuse more than workers are meant to hold. Raises `SettingsError`."""
    if len(lists) > MOST_LISTS:
        raise SettingsError(f"there are {MOST_LISTS} lists, the most that there can be: drop one")
    too_long = next((one for one in lists if one.entries > MOST_ENTRIES), None)
    if too_long is not None:
        raise SettingsError(f"list {too_long.id} has {too_long.entries:,} hashes, and {MOST_ENTRIES:,} are the most")
    if (total := sum(one.entries for one in lists)) > MOST_IN_ALL:
        raise SettingsError(f"all lists together would have {total:,} hashes, and {MOST_IN_ALL:,} are the most")
