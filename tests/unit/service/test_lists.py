"""Lists are uploaded, counted from all rows, replaced and dropped, and nothing is left of those."""

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.lists.content import ListContent
from streamseg.audiences.lists.list_files import ReadList, read_list
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.errors import NotFoundError, SettingsError
from streamseg.features.layout import Layout
from streamseg.service.audience_reasons import audience_reasons
from streamseg.service.audiences import declare, read_declared
from streamseg.service.lists import ListContents, ListCounts, as_asked, count_list, described, drop_list, upload
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.wiring.declared_audiences import live_audiences
from tests.support.rows import DAY, NOON, Slab, click, profile
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of(audiences=4, identifiers=("email", "phone"), phone_country_code="31")
CUSTOMERS = [f"c-{n}" for n in range(6)]
PEOPLE = "E-mail,Phone\nC0@web.nl,\n,0611111111\nnobody@web.nl,\n" + sha256(b"c2@web.nl").hexdigest() + ",\n"


def audience(name: str, rule: dict[str, Any]) -> Audience:
    return Audience.model_validate({"id": name, "name": name, "purpose": "ads", "rule": rule})


def slab_of_customers() -> Slab:
    """c-0 and c-2 with an e-mail address, c-1 with a phone number, c-3 with one of a stranger, others with nothing."""
    slab = Slab(LAYOUT, CUSTOMERS)
    slab.feed([click(NOON) for _ in CUSTOMERS], range(6))
    told = [{"email": "c0@web.nl"}, {"phone": "+31 6 11111111"}, {"email": "c2@web.nl"}, {"email": "x@web.nl"}]
    slab.feed([profile(NOON, **one) for one in told], range(4))
    slab.rows.published_wall[slab.all] = 1
    return slab


def read_text(file: Path, text: str) -> ReadList:
    file.write_text(text)
    return read_list(file, country_code="31")


async def uploaded(
    models: MemoryModelStore, file: Path, text: str, name: str = "people", ends: float | None = None, **others: Any
) -> tuple[UploadedList, ListContent]:
    read = read_text(file, text)
    one = described(name, read, ends)
    after = await upload(models, one, read.content, **others)
    found = after.find_list(name)
    assert found is not None
    return found, read.content


async def test_who_is_on_a_list_is_counted_from_all_rows(tmp_path: Path) -> None:
    state, models, slab = MemoryStateStore(), MemoryModelStore(), slab_of_customers()
    slab.rows.identified_from[4] = [NOON, 0]
    await store_rows(state, LAYOUT, dict(zip(CUSTOMERS, slab.stored(), strict=True)))
    one, content = await uploaded(models, tmp_path / "list", PEOPLE, ends=NOON + 2 * DAY)
    asked = as_asked(one, content)
    counted = await count_list(state, LAYOUT, asked, event_clock=True)
    assert counted == ListCounts(customers=6, identified=4, matched=3, unknown=1)
    assert (await count_list(state, LAYOUT, asked)).matched == 0, "by the wall clock it has ended"
    ids, content = await uploaded(models, tmp_path / "list", "c-0\nc-5\nc-77\n", "ids")
    counted = await count_list(state, LAYOUT, as_asked(ids, content), event_clock=True)
    assert counted == ListCounts(customers=6, identified=0, matched=2, unknown=0)


async def test_the_content_of_a_replaced_and_of_a_dropped_list_is_deleted(tmp_path: Path) -> None:
    models = MemoryModelStore()
    first, _ = await uploaded(models, tmp_path / "list", PEOPLE)
    second, content = await uploaded(models, tmp_path / "list", "a@web.nl")
    assert (first.version, second.version) == (1, 2)
    assert await models.list_names() == {second.content}
    loaded = await ListContents(models).of(await read_declared(models))
    assert loaded["people"].content.identifiers.tolist() == content.identifiers.tolist()
    await drop_list(models, "people")
    assert (await models.list_names(), (await read_declared(models)).lists) == (set(), ())
    with pytest.raises(NotFoundError):
        await drop_list(models, "people")


async def test_what_an_upload_left_that_ended_early_is_deleted_after_a_day(tmp_path: Path) -> None:
    models, now = MemoryModelStore(), int(time.time())
    await models.write_list(f"other.{now}.x", b"goes on")
    await models.write_list(f"other.{now - 90_000}.x", b"ended early")
    one, _ = await uploaded(models, tmp_path / "list", PEOPLE)
    assert await models.list_names() == {one.content, f"other.{now}.x"}


async def test_a_list_is_declared_as_an_audience_of_the_same_id(tmp_path: Path) -> None:
    models, own = MemoryModelStore(), audience("people", {"list": "people"})
    for _ in range(2):
        await uploaded(models, tmp_path / "list", PEOPLE, audience=own, columns=4)
    declared = await read_declared(models)
    assert [(one.id, one.version) for one in declared.live] == [("people", 1)]
    assert declared.users_of("people") == ["people"]
    other = audience("people", {"not": {"list": "people"}})
    await declare(models, [other], 4)
    stored = await models.list_names()
    with pytest.raises(SettingsError, match="there is an audience people with another rule"):
        await uploaded(models, tmp_path / "list", PEOPLE, audience=own, columns=4)
    assert await models.list_names() == stored, "nothing was sent"


async def test_a_list_whose_content_is_gone_keeps_the_members_of_its_audiences(tmp_path: Path) -> None:
    models = MemoryModelStore()
    one, _ = await uploaded(
        models, tmp_path / "list", PEOPLE, audience=audience("people", {"list": "people"}), columns=4
    )
    declared = await read_declared(models)
    contents = ListContents(models)
    live, problems = live_audiences(LAYOUT, declared, await contents.of(declared))
    assert (live.frozen.tolist(), problems) == ([False], [])
    await models.write_list(one.content, b"damaged!" * 3)
    assert (await contents.of(declared)).keys() == {"people"}, "read once"
    live, (told, *_) = live_audiences(LAYOUT, declared, await ListContents(models).of(declared))
    assert live.frozen.tolist() == [True]
    assert told == "list people: its content is missing or damaged: upload it again"


async def test_reasons_name_the_list(tmp_path: Path) -> None:
    models, slab = MemoryModelStore(), slab_of_customers()
    await uploaded(models, tmp_path / "list", PEOPLE, ends=NOON + DAY)
    rules = [audience("on", {"list": "people"}), audience("off", {"not": {"list": "people"}})]
    declared: DeclaredAudiences = await declare(models, rules, 4)
    live, _ = live_audiences(LAYOUT, declared, await ListContents(models).of(declared))
    slab.rows.identified_from[5] = NOON
    rows = slab.stored()
    for slot, answer in ((0, True), (3, False), (5, None)):
        told = audience_reasons(LAYOUT, CUSTOMERS[slot], rows[slot], live, NOON)
        until = None if answer is False else int(NOON + DAY)
        asks = {"asks": "is on list people", "is": answer, "value": None, "until": until, "ends": NOON + DAY}
        assert told["on"]["clauses"] == [[asks | {"wanted": True}]]
        assert told["off"]["clauses"] == [[asks | {"wanted": False}]]
