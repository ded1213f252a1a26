"""Lists on real Kafka and Redis: who is on them equals a count by brute force, whatever happens to worker and list."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear import FitGear
from streamseg.wiring.stores import stores
from tests.integration.test_audiences import ENDS_AT, balance_of_changes, pass_time, shuffled, state_of
from tests.support.brute_audiences import DAY, SETTINGS
from tests.support.brute_lists import FILE, Lists, People, event, members_of, with_profiles
from tests.support.processes import run, send, settings_of, until_absorbed, worker

pytestmark = pytest.mark.integration

LISTS_SETTINGS = SETTINGS | {
    "STREAMSEG_AUDIENCES__IDENTIFIERS": '["phone", "email"]',
    "STREAMSEG_AUDIENCES__PHONE_COUNTRY_CODE": "+31",
}
LIST_ENDS = ENDS_AT + DAY


class Shop:
    """What was sent, and the lists that were uploaded."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.people = People(random.Random(5))
        self.sent: list[SourceEvent] = []
        self.lists = Lists(frozenset(), LIST_ENDS, frozenset())

    def send(self, events: Sequence[SourceEvent]) -> None:
        self.sent += events
        send(self.environment["STREAMSEG_KAFKA__BOOTSTRAP"], shuffled(list(events), len(self.sent)))
        until_absorbed(self.environment)

    def upload(self, persons: Sequence[int]) -> dict[str, object]:
        """Upload the addresses of these persons, e-mail for the even and phone for the odd ones, in any spelling."""
        kinds = {person: "phone" if person % 2 else "email" for person in persons}
        lines = [self.people.written(kinds[one], one, listed=True) for one in persons]
        file = self.folder / "people.txt"
        file.write_text("\n".join([*lines, *lines[:3], "nobody", "x@", ""]))
        self.lists = Lists(frozenset(f"{kinds[one]}-{one}" for one in persons), LIST_ENDS, self.lists.ids)
        ends = datetime.fromtimestamp(LIST_ENDS, UTC).isoformat()
        told = run(self.environment, "lists", "add", "people", str(file), "--kind", "address", "--expires", ends)
        assert told | {"lines": len(lines) + 5, "valid": len(lines) + 3, "duplicates": 3, "invalid": 2} == told
        assert [one["line"] for one in told["first_invalid"]] == [len(lines) + 4, len(lines) + 5]
        return told

    def upload_ids(self, ids: Sequence[str]) -> None:
        file = self.folder / "ids.csv"
        file.write_text("\n".join(["customer_id,name", *(f"{one},x" for one in ids)]))
        self.lists = Lists(self.lists.people, LIST_ENDS, frozenset(ids))
        assert run(self.environment, "lists", "add", "ids", str(file))["counted"] == {"id": len(ids)}

    def until_equal(self, now: float) -> dict[str, set[str]]:
        """Wait until the audiences are those of the count by brute force at a moment."""
        expected = members_of(self.sent, self.people.said, self.lists, now)
        end = time.monotonic() + 30.0
        while (found := state_of(self.environment)[1]) != expected and time.monotonic() < end:
            time.sleep(0.2)
        assert found == expected
        return expected


def stored_bytes(environment: Mapping[str, str]) -> bytes:
    """All rows, and the contents of the lists."""

    async def read() -> bytes:
        found = b""
        async with stores(settings_of(environment)) as (state, _, models):
            for name in await models.list_names():
                found += await models.read_list(name) or b""
            for partition in range(4):
                cursor = -1
                while cursor != 0:
                    cursor, rows = await state.scan(partition, max(cursor, 0), 1_000)
                    found += b"".join(row for _, row in rows)
        return found

    return asyncio.run(read())


def look_up(environment: Mapping[str, str], customer: str) -> None:
    """The reason of a customer who is on the list names it."""
    why = run(environment, "lookup", customer, "--why")["why_audiences"]["people"]
    assert why["member"] is True
    ((asks,),) = why["clauses"]
    assert asks == asks | {"asks": "is on list people", "wanted": True, "is": True, "ends": LIST_ENDS}
    assert asks["until"] == why["until"] == LIST_ENDS


def test_lists_are_those_of_a_count_by_brute_force(environment: dict[str, str], tmp_path: Path) -> None:
    environment = environment | LISTS_SETTINGS
    shop = Shop(environment, tmp_path)
    events = with_profiles(list(FitGear(120, 40, 16, ends_at=ENDS_AT)), shop.people, 0.02)
    half = len(events) // 2
    file = tmp_path / "audiences.toml"
    file.write_text(FILE)
    with worker(environment, tmp_path / "killed.log") as killed, worker(environment, tmp_path / "worker.log"):
        shop.send(events[:half])
        told = shop.upload(range(30))
        shop.upload_ids([f"fg-{number:06}" for number in range(0, 400, 7)])
        run(environment, "audiences", "add", str(file))
        now = max(state_of(environment)[0].values()) + 60.0
        pass_time(environment, now)
        assert told["matched"] == len(shop.until_equal(now)["people"]) > 0
        killed.kill()
        before = shop.until_equal(now)["people"]
        shop.send(events[half:])
        now = ENDS_AT + 60.0
        pass_time(environment, now)
        after = shop.until_equal(now)["people"]
        early = {one.customer_id for one in events[:half]}
        assert after - early, "later customers who are on the list entered"
        assert before - after, "customers with another address left"

        shop.upload(range(15, 60))
        listed = sorted(shop.until_equal(now)["people"])
        look_up(environment, listed[0])

        gone = listed[:5]
        shop.send([event(one, f"erase-{one}", now, "erasure") for one in gone])
        shop.send([event(one, f"back-{one}", now + 5.0, "click", event_name="view_item") for one in gone[:3]])
        now += 60.0
        pass_time(environment, now)
        assert not {*gone} & shop.until_equal(now)["people"]
        shown = run(environment, "lists", "show", "people")
        assert (shown["version"], shown["audiences"]) == (2, ["either", "people", "strangers"])
        assert shown["matched"] == len(shop.until_equal(now)["people"])

        now = LIST_ENDS + 30.0  # silence: no event, and no sweep
        pass_time(environment, now)
        expected = shop.until_equal(now)
        assert "people" not in expected
        assert {*listed} - {*gone} <= expected["strangers"] | expected.get("either", set())
        assert balance_of_changes(environment) == expected
        found = run(environment, "verify")
        assert found == found | {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0}
    run(environment, "rebuild")
    with worker(environment, tmp_path / "worker.log"):
        pass_time(environment, now + 60.0)
        assert balance_of_changes(environment) == shop.until_equal(now + 60.0)
    no_address_is_kept(environment, tmp_path)


def no_address_is_kept(environment: Mapping[str, str], tmp_path: Path) -> None:
    """No plain address is in a row, a list or a log."""
    stored = stored_bytes(environment)
    assert all(text not in stored for text in (b"@web", b"person", b"gmail", b"+316"))
    logs = (tmp_path / "worker.log").read_text() + (tmp_path / "killed.log").read_text()
    assert "Traceback" not in logs
    assert "person" not in logs
    assert "gmail" not in logs
