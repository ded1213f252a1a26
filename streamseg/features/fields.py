"""The table of all fields that a stored row can have."""

from typing import Final, Literal, NamedTuple

import numpy as np

SOURCES: Final = 5
FORMAT: Final = 5
"""Format of stored rows: the greatest `Field.added`. Rows of earlier formats lack the fields that were added later."""
VISITS_SINCE: Final = 3
"""First format that holds visits instead of sums of clicks by day part and weekend."""
WINDOWS_SINCE: Final = 4
"""First format that can hold times and amounts for windows, and audiences."""
IDENTIFIERS_SINCE: Final = 5
"""First format that can hold hashes of identifiers."""
NEVER: Final = -np.inf
"""Time of an event that never happened: earlier than any other."""


class Field(NamedTuple):
    """One field of a stored row: numpy type, value in a fresh row, and meaning.

    `of` names what the field has one element for: per input topic, per segmentation, ...; empty for a scalar.
    `name`, `type` and `of` are part of the layout's fingerprint: changing one makes stored rows unreadable. To add a
    field, give it the next format (`added`): rows of earlier formats are then converted when they are read.
    """

    name: str
    type: str
    of: Literal[
        "", "topic", "event id", "segmentation", "attribute", "day part", "sum",
        "tracked time", "tracker", "spent day", "days spent", "audience", "set of audiences",
        "identifier", "identifier form",
    ]  # fmt: skip
    fresh: float
    meaning: str
    added: int = 1


FIELDS: Final = (
    Field("first_seen", "<f8", "", np.inf, "time of the earliest event"),
    Field("last_seen", "<f8", "", NEVER, "time of the latest event; the anchor of the sums"),
    Field("last_click", "<f8", "", NEVER, "time of the latest click"),
    Field("last_purchase", "<f8", "", NEVER, "time of the latest purchase; refunds do not count"),
    Field("erased_at", "<f8", "", NEVER, "time of the latest erasure; events up to it are ignored"),
    Field("ads_at", "<f8", "", NEVER, "time of the consent that `ads` holds"),
    Field("personalisation_at", "<f8", "", NEVER, "time of the consent that `personalisation` holds"),
    Field("analytics_at", "<f8", "", NEVER, "time of the consent that `analytics` holds", added=2),
    Field("spend_minor", "<i8", "", 0, "purchases minus refunds, in minor units; exact, never decayed"),
    Field("fences", "<i8", "topic", -1, "last applied offset per input topic, in their order"),
    Field("ring", "<u8", "event id", 0, "hashes of the latest identities, 0 is empty; last quarter: purchases"),
    Field("visits", "<u8", "day part", 0, "bit n: a visit n days before `visited_day`; see `visits.py`", added=3),
    Field("attribute_at", "<f8", "attribute", NEVER, "time of the profile that set the attribute"),
    Field("attributes", "<f8", "attribute", np.nan, "a number, or the index of a listed value; NaN is missing"),
    Field("identified_at", "<f8", "identifier", NEVER, "time of the profile that told the identifier", added=5),
    Field("identifiers", "<u8", "identifier form", 0, "first bytes of SHA-256 of each normal form; 0 is none", added=5),
    Field("transactions", "<u4", "", 0, "purchases; exact, never decayed"),
    Field("events", "<u4", "", 0, "events absorbed; modulo 3/4 of the ring, the next index in it"),
    Field("seq", "<u4", "", 0, "sequence number of the latest membership"),
    Field("published_at", "<u4", "", 0, "partition's clock when the latest membership was published"),
    Field("published_wall", "<u4", "", 0, "wall time when the latest membership was published; 0 is withdrawn"),
    Field("segment", "<u4", "segmentation", 0, "code of the settled segment; 0 is unassigned"),
    Field("candidate", "<u4", "segmentation", 0, "code of the segment that was nearer at the latest look; 0 is none"),
    Field("since", "<u4", "segmentation", 0, "time when the segment was entered"),
    Field("looked_at", "<u4", "segmentation", 0, "time of the latest look; 0 if the next look begins a tick"),
    Field("learned_at", "<u4", "segmentation", 0, "time when the vector was last sampled for learning"),
    Field("held_segment", "<u4", "segmentation", 0, "`segment` before the tick of the latest look", added=2),
    Field("held_candidate", "<u4", "segmentation", 0, "`candidate` before the tick of the latest look", added=2),
    Field("visited_day", "<u4", "", 0, "local day of the latest visit: days since 1970", added=3),
    Field("tracked_times", "<u4", "tracked time", 0, "latest times of each tracked event, greatest first", added=4),
    Field("tracked_from", "<u4", "tracker", 0, "events up to this time may be missing; 0 if none is", added=4),
    Field("spent_day", "<u4", "days spent", 0, "local day of the latest amount: days since 1970", added=4),
    Field("spent_from", "<u4", "days spent", 0, "first day whose amounts are complete; 0 if all are", added=4),
    Field("entered", "<u4", "audience", 0, "time when the audience was entered; 0 if the customer is outside", added=4),
    Field("audiences_as_of", "<u4", "set of audiences", 0, "generation of the audiences at the latest look", added=4),
    Field("due_at", "<u4", "set of audiences", 0, "when to look again if no event comes; 0 for never", added=4),
    Field("identified_from", "<u4", "identifier", 0, "profiles up to this time may be missing; 0 if none is", added=5),
    Field("spent", "<i4", "spent day", 0, "purchases minus refunds by days before `spent_day`, minor units", added=4),
    Field("sums", "<f4", "sum", 0, "decayed sums, as of last_seen"),
    Field("ads", "|i1", "", -1, "consent to ads: 1 yes, 0 no, -1 unknown"),
    Field("personalisation", "|i1", "", -1, "consent to personalisation: 1 yes, 0 no, -1 unknown"),
    Field("analytics", "|i1", "", -1, "consent to analytics: 1 yes, 0 no, -1 unknown", added=2),
    Field("streak", "|u1", "segmentation", 0, "consecutive ticks at whose end the candidate was nearer"),
    Field("held_streak", "|u1", "segmentation", 0, "`streak` before the tick of the latest look", added=2),
)
"""Fields in stored order, widest first, so that all are aligned.

Event times are epoch seconds as float64, `NEVER` if there was no event. Times of our own decisions are whole epoch
seconds, 0 if there was none. A row has the same bytes in memory and in the store.
"""
