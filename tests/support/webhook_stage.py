"""A dispatcher on a store in memory, with a clock and a subscriber that answers as told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from streamseg.api.webhooks.answers import Answer
from streamseg.api.webhooks.dispatcher import Dispatcher
from streamseg.metrics import Metrics
from streamseg.ports import Subscriber
from streamseg.store.memory import MemoryWebhookStore
from tests.support.change_records import CRM

ADS = replace(CRM, id="ads", purpose="ads")


@dataclass
class Stage:
    """A dispatcher's store, clock, and the answers of its subscriber in order, 200 after the last."""

    now: float = 1_000.0
    answers: list[int | Answer | Exception] = field(default_factory=list)
    got: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)
    store: MemoryWebhookStore = field(default_factory=MemoryWebhookStore)
    metrics: Metrics = field(default_factory=Metrics)

    def dispatcher(self, kept_at_most: int = 1_000) -> Dispatcher:
        async def post(_: Subscriber, body: bytes, headers: Mapping[str, str]) -> Answer:
            self.got.append((body, headers))
            answer = self.answers.pop(0) if self.answers else 200
            if isinstance(answer, Exception):
                raise answer
            return Answer(answer) if isinstance(answer, int) else answer

        return Dispatcher(
            self.store, post, self.metrics, lambda: self.now, retry_seconds=(5, 50), kept_at_most=kept_at_most
        )

    async def waiting(self, subscriber: str = "crm") -> int:
        return (await self.store.counts([subscriber]))[subscriber].waiting

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("streamseg_api_webhooks_total", {"outcome": outcome}) or 0.0

    @property
    def told(self) -> list[tuple[str, list[str]]]:
        """Type and changes of each message, in the order of arrival."""
        bodies = [json.loads(body) for body, _ in self.got]
        return [(each["type"], [one["change"] for one in each["data"].get("changes", ())]) for each in bodies]
