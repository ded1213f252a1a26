"""Keys and catalogue are read again and again, and a fault of one does not keep the other from being current."""

import logging

import pytest

from tests.support.served_api import Served

pytestmark = pytest.mark.asyncio


async def test_a_key_that_is_revoked_is_refused_although_the_catalogue_cannot_be_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong catalogue entry ended the reading: a revoked key stayed valid for the life of the process."""
    served = Served()
    async with served.api() as api, served.client(api=api) as client:
        await served.models.write_catalogue({"behaviour-k7q2": b"no JSON"})
        await api.refresh()
        kept = (await client.get("/v1/segments")).json()["segments"]
        assert [one["id"] for one in kept] == ["behaviour-k7q2", "behaviour-m3xw"], "the copy stays"
        await served.keys.remove("k1")
        await api.refresh()
        assert (await client.get("/v1/segments")).status_code == 401
    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [line for line in warned if "the segment catalogue" in line] != []
