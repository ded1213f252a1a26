"""The list of segments names no customers."""

import json

import pytest

from streamseg.settings import ApiSettings
from tests.support.served_api import PK, SK, Served

pytestmark = pytest.mark.asyncio


async def test_the_catalogue_lists_segments_without_naming_customers() -> None:
    async with Served().client() as client:
        answer = await client.get("/v1/segments")
    assert [each["label"] for each in answer.json()["segments"]] == ["Daily Athletes", "Weekend Warriors"]
    assert "c-81" not in answer.text


ENTRY = {
    "segmentation": "behaviour", "label": "Weekend shoppers", "generated_label": "Weekend shoppers", "given_name": None,
    "description": "", "size": 9, "value_share": 0.34, "created": 1, "parents": [], "retired": None, "described": 9,
    "label_words": {"words": [{"key": "weekend_shoppers"}]}, "persona": [], "apart": [], "nearest": None,
    "apart_from_nearest": [], "traits": ["weekend_shoppers"], "representatives": ["c-81"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("query", "accept", "language", "label"),
    [
        ("", "en", "en", "Weekend shoppers"),
        ("", "fr, sv-SE;q=0.9, en;q=0.1", "sv", "Helgkunder"),
        ("?lang=nl", "sv", "nl", "Weekendklanten"),
        ("?lang=xx", "fr", "en", "Weekend shoppers"),
    ],
)
async def test_segments_are_told_in_the_language_of_the_reader(
    query: str, accept: str, language: str, label: str
) -> None:
    served = Served(settings=ApiSettings(public_segments=("behaviour-*",)))
    async with served.api() as api:
        await served.models.write_catalogue({"behaviour-lang": json.dumps(ENTRY).encode()})
        await api._catalogue.refresh(0.0)
        for key in (SK, PK):
            async with served.client(key, {"accept-language": accept}, api) as client:
                answer = await client.get(f"/v1/segments{query}")
            (one,) = [each for each in answer.json()["segments"] if each["id"] == "behaviour-lang"]
            assert one["label"] == label
            assert answer.headers["content-language"] == language
            assert "Accept-Language" in answer.headers["vary"]
            assert ("description" in one) is (key == SK)
    assert "c-81" not in answer.text
