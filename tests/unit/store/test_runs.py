"""A name stands for the runs of all servers; a server that tells no run id does not raise."""

import asyncio
from typing import Any, cast

from streamseg.store.redis.servers.runs import Runs, run_id


class Server:
    """Answers INFO as Redis does, or as a hosted server that tells less."""

    def __init__(self, **told: str) -> None:
        self._told = told

    async def info(self, section: str) -> dict[str, str]:
        assert section == "server"
        return self._told


def name_of(*servers: Server) -> str:
    runs = Runs()
    runs.saw([asyncio.run(run_id(cast("Any", server))) for server in servers])
    assert runs.looked_lately
    return runs.name


def test_the_name_changes_with_any_server_and_not_with_their_order() -> None:
    one, two, three = (Server(run_id=name) for name in ("a1", "b2", "c3"))
    assert name_of(one, two) == name_of(two, one)
    assert len({name_of(one), name_of(two), name_of(one, two), name_of(one, three)}) == 4


def test_a_server_without_a_run_id_counts_as_one_that_never_changes() -> None:
    assert name_of(Server(redis_version="7.0")) == name_of(Server())
    assert name_of(Server()) != name_of(Server(run_id="a1"))
