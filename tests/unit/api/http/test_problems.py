"""Errors are problem documents."""

import json

import pytest

from tests.support.served_api import Served

pytestmark = pytest.mark.asyncio


async def test_unknown_paths_and_methods_are_problems() -> None:
    async with Served().client() as client:
        nowhere = await client.get("/v2/anything")
        wrong = await client.delete("/v1/segments")
    assert nowhere.json()["status"] == 404
    assert (wrong.status_code, "GET" in wrong.headers["allow"]) == (405, True)
    assert json.loads(wrong.content)["title"] == "Method not allowed"
