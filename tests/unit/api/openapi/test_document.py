"""The OpenAPI document lists what there is, neither more nor less."""

import pytest

from streamseg.api.openapi.paths import PATHS
from tests.support.served_api import Served

UNLISTED = {"/openapi.json", "/streamseg.js"}


@pytest.mark.asyncio
async def test_every_route_is_described_and_nothing_else() -> None:
    async with Served().api() as api:
        patterns = {pattern.replace(":path}", "}") for pattern in api._app._patterns.values()}  # type: ignore[attr-defined]  # Timed
    assert patterns - UNLISTED == set(PATHS)
