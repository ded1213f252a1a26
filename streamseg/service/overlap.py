"""Compare audiences with segments: where the groups that a brand has in mind meet the groups that are found."""

from dataclasses import dataclass, field
from typing import Final

from streamseg.clustering.identity import id_of
from streamseg.service.audience_survey import RESPONSE_DAYS, Group, Response, Survey
from streamseg.service.viability import counts_of

HARDLY: Final = 0.5
"""A segment hardly responds where the share of recent buyers is below so much of that of all customers."""
RESPONSE: Final = f"no data of campaigns yet: by purchases within {RESPONSE_DAYS} days, and by coupons in orders"
"""What response stands for."""


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """One audience against one segment."""

    audience: str
    segmentation: str
    segment: str
    both: int
    """Customers in both."""
    share_of_audience: float
    """Of the audience's members, those in the segment, 0-1."""
    share_of_segment: float
    """Of the segment's members, those in the audience, 0-1."""
    lift: float
    """How much more frequent the audience is in the segment than among all customers; 1 is as frequent."""
    missed: int
    """Members of the segment outside of the audience, where the lift is above 1: they behave alike."""
    wasted: int
    """Members of both, where the segment hardly responds."""
    response: float
    """Share of the segment's customers who bought lately, 0-1."""


@dataclass(frozen=True, slots=True)
class AudienceOverlap:
    """What an audience misses and wastes in one segmentation."""

    audience: str
    segmentation: str
    members: int
    missed: int
    wasted: int
    is_too_small: bool
    """Whether fewer consent than the minimum size: then it is not exported."""


@dataclass(slots=True)
class Overlap:
    """All audiences against all segments."""

    as_of: int = 0
    """Greatest clock of a partition, epoch seconds."""
    customers: int = 0
    response: str = RESPONSE
    """What response, and so waste, was measured by."""
    rows: list[OverlapRow] = field(default_factory=list)
    """By audience, segmentation, then the customers in both; pairs without any are left out."""
    audiences: list[AudienceOverlap] = field(default_factory=list)
    """By audience and segmentation."""


def overlap_of(survey: Survey) -> Overlap:
    """Return the comparison that a survey has counted."""
    result = Overlap(survey.as_of, survey.all.customers)
    for (audience, group), both in survey.both.items():
        result.rows.append(_row(survey, audience, group, both))
    result.rows.sort(key=lambda row: (row.audience, row.segmentation, -row.both, row.segment))
    counts = counts_of(survey)
    for audience in survey.live.ids:
        for segmentation in dict.fromkeys(group.segmentation for group in sorted(survey.groups)):
            rows = [one for one in result.rows if (one.audience, one.segmentation) == (audience, segmentation)]
            result.audiences.append(
                AudienceOverlap(
                    audience,
                    segmentation,
                    survey.reach[audience].matched,
                    sum(one.missed for one in rows),
                    sum(one.wasted for one in rows),
                    counts[audience].is_too_small,
                )
            )
    return result


def _row(survey: Survey, audience: str, group: Group, both: int) -> OverlapRow:
    segment, members = survey.groups[group], survey.reach[audience].matched
    share, expected = both / members, segment.customers / survey.all.customers
    lift = share / expected
    return OverlapRow(
        audience=audience,
        segmentation=group.segmentation,
        segment=id_of(group.segmentation, group.code),
        both=both,
        share_of_audience=share,
        share_of_segment=both / segment.customers,
        lift=round(lift, 3),
        missed=segment.customers - both if lift > 1 else 0,
        wasted=both if hardly_responds(segment, survey.all) else 0,
        response=round(segment.share, 3),
    )


def hardly_responds(segment: Response, everybody: Response) -> bool:
    """Return whether few of a segment buy, and coupons do not make them."""
    return segment.share < HARDLY * everybody.share and segment.coupon_share <= everybody.coupon_share
