"""Customers are on a list from the profile that names them until another one, an erasure, an upload or its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from typing_extensions import override

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.lists.content import ListContent
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.features.identifiers.hashes import identifier_hashes, short_hash
from streamseg.membership.encoding import decode
from streamseg.metrics import Metrics
from streamseg.service.lists import upload
from streamseg.store.memory import MemoryModelStore
from streamseg.topics import CLICKS, ERASURES, PROFILES
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.worker.layout_check import RowLayouts
from streamseg.worker.model_cache import ModelCache
from tests.support.declared import Rule, declared
from tests.support.partition import LAYOUT, NOON, SNAPSHOT, OnePartition, Servers, until

HOUR = 3_600.0
KEPT = replace(LAYOUT, audiences=3, identifiers=("email",))
LAYOUTS = RowLayouts(KEPT, frozenset(), frozenset(LAYOUT.segmentations))
ON, OFF = ("on",), ("off",)
RULES: dict[str, Rule] = {"on": {"list": "people"}, "off": {"all": [{"event": "visit"}, {"not": {"list": "people"}}]}}


def list_of(
    emails: Sequence[str], ends: float | None = None, ids: Sequence[str] = ()
) -> tuple[UploadedList, ListContent]:
    hashes = [one for email in emails for one in identifier_hashes("email", email, "") or ()]
    content = ListContent.of([*map(short_hash, ids)], hashes)
    one = UploadedList(
        id="people", version=0, content=f"people.1.{hash((*emails, *ids))}", kinds=("email", *(["id"] if ids else [])),
        lines=1, valid=1, duplicates=0, entries=content.entries, uploaded_at=1, ends=ends,
    )  # fmt: skip
    return one, content


async def declare(servers: Servers, audiences: DeclaredAudiences) -> None:
    assert await servers.models.declare(
        audiences.generation, await servers.models.declared_generation(), audiences.encode()
    )


async def shop(servers: Servers, ends: float | None = None) -> OnePartition:
    """c-0 to c-3 came, the first two with an e-mail address; those of c-0 and of a stranger are listed."""
    await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    await upload(servers.models, *list_of(["c0@web.nl", "later@web.nl"], ends))
    set_ = DeclaredAudiences.decode(await servers.models.declared())
    await declare(servers, declared(RULES, 3, set_))
    for number in range(4):
        servers.log.event(CLICKS, f"c-{number}", f"v-{number}", number, event_name="view_item")
    for number in range(2):
        servers.log.event(PROFILES, f"c-{number}", f"p-{number}", number, traits={"email": f"C{number}@web.nl"})
    worker = OnePartition(servers, "first", rows=LAYOUTS)
    await worker.begin()
    await until(lambda: worker.is_done and worker.sweeps > 0)
    return worker


async def until_audiences(servers: Servers, **expected: tuple[str, ...] | None) -> None:
    names = [one.replace("_", "-") for one in expected]

    async def found() -> list[tuple[str, ...] | None]:
        return [None if one is None else decode(one).audiences for one in await servers.memberships.read(names)]

    async with asyncio.timeout(10.0):
        while await found() != [*expected.values()]:
            await asyncio.sleep(0.005)


def test_profiles_move_customers_on_and_off_a_list_and_an_erasure_takes_them_off() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        await until_audiences(servers, c_0=ON, c_1=OFF, c_2=OFF, c_3=OFF)
        servers.log.event(PROFILES, "c-2", "p-2", 5.0, traits={"email": " Later@WEB.nl"})
        servers.log.event(PROFILES, "c-0", "p-0b", 5.0, traits={"email": "new@web.nl"})
        servers.log.event(PROFILES, "c-0", "p-0a", 4.0, traits={"email": "later@web.nl"})  # late: not the newest
        await until_audiences(servers, c_0=OFF, c_1=OFF, c_2=ON, c_3=OFF)
        servers.log.event(ERASURES, "c-2", "x-2", 6.0)
        await until_audiences(servers, c_2=None)
        servers.log.event(CLICKS, "c-2", "v-2b", 7.0, event_name="view_item")
        await until_audiences(servers, c_2=OFF)
        await worker.close()
        servers.log.event(PROFILES, "c-3", "p-3", 8.0, traits={"email": "later@web.nl"})
        second = OnePartition(servers, "second", rows=LAYOUTS)
        await second.begin()
        await until_audiences(servers, c_0=OFF, c_1=OFF, c_2=OFF, c_3=ON)
        verdict = await servers.verdict(layout=KEPT)
        assert verdict.good, verdict.differences
        await second.close()

    asyncio.run(go())


def test_everybody_leaves_a_list_when_it_ends_without_an_event() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers, ends=NOON + HOUR)
        await until_audiences(servers, c_0=ON, c_1=OFF)
        sweeps = worker.sweeps
        for n in range(3):
            servers.log.event(CLICKS, "c-active", f"a-{n}", HOUR + 1, event_name="scroll")
        await until_audiences(servers, c_0=OFF, c_1=OFF, c_2=OFF, c_active=OFF)
        assert worker.sweeps == sweeps, "it was no sweep that found them"
        servers.log.event(PROFILES, "c-2", "p-2", HOUR + 2, traits={"email": "later@web.nl"})
        await until(lambda: worker.is_done)
        await until_audiences(servers, c_2=OFF)
        await worker.close()

    asyncio.run(go())


def test_an_upload_moves_customers_without_an_event() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        await until_audiences(servers, c_0=ON, c_1=OFF, c_2=OFF, c_3=OFF)
        await upload(servers.models, *list_of(["c1@web.nl"], ids=["c-3"]))
        await worker.models.refresh()
        await until_audiences(servers, c_0=OFF, c_1=ON, c_2=OFF, c_3=ON)
        await worker.close()

    asyncio.run(go())


def test_a_worker_takes_the_newer_set_where_an_upload_deleted_the_content_that_it_was_about_to_read() -> None:
    class Overtaken(MemoryModelStore):
        overtaken = False

        @override
        async def read_list(self, name: str) -> bytes | None:
            if not self.overtaken:
                self.overtaken = True
                await upload(self, *list_of(["new@web.nl"]))
            return await super().read_list(name)

    async def go() -> None:
        store = Overtaken()
        await upload(store, *list_of(["old@web.nl"]))
        set_ = declared(RULES, 3, DeclaredAudiences.decode(await store.declared()))
        assert await store.declare(set_.generation, set_.generation - len(RULES), set_.encode())
        models = ModelCache(store, [], Metrics(), compile_audiences=partial(live_audiences, KEPT))
        await models.refresh()
        assert models.audiences is not None
        assert models.audiences.generation == await store.declared_generation()
        assert not models.audiences.frozen.any()

    asyncio.run(go())
