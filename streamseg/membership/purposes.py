"""Tells what a reader for one purpose may learn from a change record: entries and exits under consent only."""

from collections.abc import Mapping, Sequence
from typing import Literal

from streamseg.membership.contract import MembershipRecord
from streamseg.membership.types import AudienceChange, MembershipChange

Purpose = Literal["ads", "personalisation"]


def changes_for(record: MembershipRecord, purpose: Purpose) -> Sequence[MembershipChange]:
    """Return the changes for a reader who must not know of customers without consent to the purpose.

    A withdrawn consent becomes the exits from all segments that the reader can know of, a given one the entries to all
    current segments. Without consent before and after there is nothing to tell.
    """
    current = getattr(record.consent, purpose)
    before = current if record.previous_consent is None else getattr(record.previous_consent, purpose)
    match before, current:
        case True, True:
            return record.changes
        case False, True:
            return _entries(record)
        case True, False:
            return _exits(record)
        case _:
            return ()


def audience_changes_for(
    record: MembershipRecord, purpose: Purpose, versions: Mapping[str, int]
) -> Sequence[AudienceChange]:
    """Return the changes of audiences for such a reader; `versions` has those that it may hear of."""
    current = getattr(record.consent, purpose)
    before = current if record.previous_consent is None else getattr(record.previous_consent, purpose)
    entered = {one.audience for one in record.audience_changes if one.change == "entered"}
    exited = [one for one in record.audience_changes if one.change == "exited"]
    present = record.audiences or ()
    match before, current:
        case True, True:
            found = list(record.audience_changes)
        case False, True:
            found = [AudienceChange(one, versions.get(one, 0), "entered") for one in present]
        case True, False:
            kept = [AudienceChange(one, versions.get(one, 0), "exited") for one in present if one not in entered]
            found = exited + kept
        case _:
            found = []
    return [one for one in found if one.audience in versions]


def _entries(record: MembershipRecord) -> list[MembershipChange]:
    segments = record.segments.items()
    return [MembershipChange(name, segment.id, "entered") for name, segment in segments if segment is not None]


def _exits(record: MembershipRecord) -> list[MembershipChange]:
    """Return the exits from the segments before the record: those exited in it, and the current ones not entered."""
    entered = {change.segment for change in record.changes if change.change == "entered"}
    exited = [change for change in record.changes if change.change == "exited"]
    segments = record.segments.items()
    kept = [
        MembershipChange(name, segment.id, "exited")
        for name, segment in segments
        if segment is not None and segment.id not in entered
    ]
    return exited + kept
