"""When a topic is mostly rejected, it is the deployment and not the events."""

import pytest

from streamseg.stream.dead_letters import MostlyRejectedError, RejectedShare


def test_a_few_bad_records_are_borne_for_ever() -> None:
    share = RejectedShare("streamseg.clicks", 0.5, 1_000)
    for _ in range(100):
        share.add(100, 50)


def test_more_than_the_share_over_a_full_window_stops() -> None:
    share = RejectedShare("streamseg.clicks", 0.5, 1_000)
    share.add(900, 900)

    with pytest.raises(MostlyRejectedError, match=r"1000 of the latest 1000 records of streamseg\.clicks"):
        share.add(100, 100)


def test_what_lies_before_the_window_does_not_count() -> None:
    share = RejectedShare("streamseg.clicks", 0.5, 1_000)
    share.add(999, 999)
    for _ in range(3):
        share.add(1_000, 0)
    share.add(400, 400)
