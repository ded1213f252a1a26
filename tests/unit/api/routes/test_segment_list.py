"""The list of segments names no customers."""

import pytest

from tests.support.served_api import Served

pytestmark = pytest.mark.asyncio


async def test_the_catalogue_lists_segments_without_naming_customers() -> None:
    async with Served().client() as client:
        answer = await client.get("/v1/segments")
    assert [each["label"] for each in answer.json()["segments"]] == ["Daily Athletes", "Weekend Warriors"]
    assert "c-81" not in answer.text
