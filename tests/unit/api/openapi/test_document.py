"""The OpenAPI document lists every route, and no others."""

import pytest

from streamseg.api.openapi.paths import PATHS
from tests.support.served_api import Served

UNLISTED = {"/openapi.json", "/streamseg.js"}


@pytest.mark.asyncio
async def test_the_document_lists_every_route_and_no_others() -> None:
    async with Served().api() as api:
        patterns = {pattern.replace(":path}", "}") for pattern in api._app._patterns.values()}  # type: ignore[attr-defined]  # Timed
    assert patterns - UNLISTED == set(PATHS)
