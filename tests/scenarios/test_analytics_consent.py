"""Without consent to analytics no vector of the customer is sampled, and withdrawal deletes it. Issue 13, item 9."""

import asyncio
import json
from dataclasses import replace

from streamseg.topics import CLICKS, CONSENTS, MEMBERSHIPS, SAMPLES
from streamseg.worker.layout_check import check_layouts
from tests.support.gate import Gate, Point
from tests.support.kill_points import calls_until_done
from tests.support.partition import DAY, LAYOUT, NUMBER, SNAPSHOT, OnePartition, Servers, until

OTHER = "an-older-segmentation"
CUSTOMER, NEIGHBOUR = "c-1", "c-2"
KEYS = {f"{name}|{CUSTOMER}".encode() for name in ("behaviour", OTHER)}


def samples(made: Servers, customer: str = CUSTOMER) -> list[bytes]:
    """Keys of the samples of a customer that a reader of the compacted topic would find."""
    latest = {record.key: record.value for record in made.log.records[SAMPLES]}
    return [key for key, value in latest.items() if key and value and key.decode().endswith(f"|{customer}")]


def clicks(made: Servers, at: float) -> None:
    """A click of each customer, and what starts the clock."""
    for customer in (CUSTOMER, NEIGHBOUR, "c-3"):
        made.log.event(CLICKS, customer, f"e-{customer}-{at}", at, event_name="view_item")


def answers(made: Servers, at: float, **given: bool) -> None:
    made.log.event(CONSENTS, CUSTOMER, f"a-{at}", at, consent=given)


async def published() -> Servers:
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    return made


def test_withdrawal_deletes_every_sample_and_nothing_follows_until_it_is_granted() -> None:
    async def go() -> None:
        made = await published()
        older = replace(LAYOUT, segmentations=("behaviour", OTHER))
        await check_layouts(older, made.state, made.models, NUMBER + 1)
        await made.models.drop(OTHER, 1)
        made.log.append(SAMPLES, f"{OTHER}|{CUSTOMER}".encode(), b"{}")
        worker = OnePartition(made, "worker", rows=await check_layouts(LAYOUT, made.state, made.models, NUMBER + 1))
        await worker.begin()
        clicks(made, 0.0)
        await until(lambda: worker.is_done)
        assert set(samples(made)) == KEYS

        before = len(made.log.records[SAMPLES])
        answers(made, 60.0, analytics=False)
        await until(lambda: worker.is_done)
        assert samples(made) == []
        assert {one.key for one in made.log.records[SAMPLES][before:] if one.value is None} == KEYS
        told = json.loads(made.log.records[MEMBERSHIPS][-1].value or b"")
        assert (told["consent"]["analytics"], told["previous_consent"]["analytics"], told["changes"]) == (
            False,
            True,
            [],
        )

        clicks(made, 2 * DAY)
        await until(lambda: worker.is_done)
        await worker.sweep()
        assert samples(made) == []
        assert samples(made, NEIGHBOUR)

        answers(made, 2 * DAY + 60.0, analytics=True)
        await until(lambda: worker.is_done and bool(samples(made)))
        assert samples(made) == [f"behaviour|{CUSTOMER}".encode()]
        assert (await made.verdict()).good
        await worker.close()

    asyncio.run(go())


async def withdrawn() -> Servers:
    made = await published()
    for n in range(4):
        clicks(made, n * 60.0)
    answers(made, 300.0, analytics=False)
    return made


async def points() -> list[Point]:
    calls = await calls_until_done(await withdrawn(), 2)
    assert len(calls) > 20
    return calls


async def kill_at(at: Point) -> tuple[list[bytes], list[bytes]]:
    made, gate = await withdrawn(), Gate(at)
    first, second = OnePartition(made, "first", gate, run=2), OnePartition(made, "second", run=2)
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        await first.close()
        await second.begin()
        await until(lambda: second.is_done)
        return samples(made), samples(made, NEIGHBOUR)
    finally:
        await first.close()
        await second.close()


def test_no_sample_is_left_after_withdrawal_wherever_the_worker_is_killed() -> None:
    left = {at: asyncio.run(kill_at(at)) for at in asyncio.run(points())}
    assert {at: found for at, (found, _) in left.items() if found} == {}
    assert any(others for _, others in left.values()), "others are sampled"
