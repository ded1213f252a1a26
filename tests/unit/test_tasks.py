"""What hangs does not hold up who has to go."""

import asyncio

from streamseg.tasks import end, within


class Stubborn:
    """Swallows so many cancellations."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def hang(self) -> None:
        while True:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                if not self.left:
                    raise
                self.left -= 1


def test_a_task_that_swallows_its_cancellation_is_ended_all_the_same() -> None:
    async def go() -> bool:
        task = asyncio.create_task(Stubborn(2).hang())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await end(task, None)
        return task.cancelled()

    assert asyncio.run(go())


def test_what_takes_too_long_is_left_behind_though_it_will_not_be_cancelled() -> None:
    async def go() -> None:
        stubborn = Stubborn(1)
        async with asyncio.timeout(5):
            await within(0.01, stubborn.hang())
        assert stubborn.left == 1  # nobody waited for the cancellation to arrive

    asyncio.run(go())


def test_what_fails_in_time_is_over() -> None:
    async def fail() -> None:
        raise RuntimeError("as it happens")

    asyncio.run(within(5.0, fail()))
