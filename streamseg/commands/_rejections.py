"""Counts the events of a replay that the workers rejected."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamseg.settings import Settings


async def log_ends(settings: "Settings") -> dict[tuple[str, int], int]:
    """Return the next offset of each partition of the input topics and the dead letters.

    Raises `SettingsError` and `ServerUnavailableError`.
    """
    from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS
    from streamseg.wiring.build_repair import topic_reader

    async with topic_reader(settings) as log:
        return {
            (topic, partition): (await log.bounds(topic, partition))[1]
            for topic in (*INPUT_TOPICS, DEAD_LETTERS)
            for partition in range(await log.partitions(topic))
        }


async def rejected_since(settings: "Settings", ends: dict[tuple[str, int], int]) -> dict[str, int]:
    """Return how many records after `ends` the workers have put into the dead letters, by reason.

    Heartbeats, which have no key, do not count; records that others sent meanwhile do. Raises `SettingsError` and
    `ServerUnavailableError`.
    """
    from streamseg.repair.redrive import unsent_letters
    from streamseg.topics import DEAD_LETTERS
    from streamseg.wiring.build_repair import topic_reader

    starts = {partition: end for (topic, partition), end in ends.items() if topic == DEAD_LETTERS}
    async with topic_reader(settings) as log:
        reasons = Counter(
            [
                letter.reason
                async for letter in unsent_letters(log, await log.partitions(DEAD_LETTERS), starts)
                if letter.key is not None and letter.offset >= ends.get((letter.topic, letter.partition), 0)
            ]
        )
    return dict(reasons)
