"""What the tests of whole processes share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.console_demo import Demo


@pytest.fixture
def environment(kafka_topics: str, clean_redis: str, group: str) -> dict[str, str]:
    """Settings that point a process at the test's own topics, store and group, on the event clock."""
    return {
        "STREAMSEG_KAFKA__BOOTSTRAP": kafka_topics,
        "STREAMSEG_KAFKA__GROUP": group,
        "STREAMSEG_REDIS__URL": clean_redis,
        "STREAMSEG_CLOCK": "event",
        "STREAMSEG_WORKER__METRICS_PORT": "0",
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Demo]":
    """The demo as a newcomer starts it, with segments on the overview of its console."""
    from tests.support.console_demo import running_demo

    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """A browser of people who look at the console."""
    from tests.support.console_demo import running_browser

    with running_browser() as running:
        yield running
