"""What the tests of whole processes share."""

import pytest


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
