"""A console on the memory stores, called over ASGI, with a key for each role."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import httpx
import msgspec

from streamseg.audiences.segment_rules import SegmentRules
from streamseg.clustering.description.comparison import Comparison
from streamseg.console.access.gate import Gate
from streamseg.console.access.openid.logins import OpenIdLogins
from streamseg.console.access.sessions import Signer
from streamseg.console.app import Console
from streamseg.console.reads import kept
from streamseg.console.reads.facts import Facts
from streamseg.console.reads.learning import Learning
from streamseg.console.reads.live_feed import LiveFeed
from streamseg.console.reads.trials import Trials
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.features.layout import Layout
from streamseg.language.actions import read_actions
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, OutboxEntry
from streamseg.ports import ConsoleRole, Flows, Flush, WorkerReport
from streamseg.service.audience_desk import NO_SEGMENTATIONS, AudienceDesk
from streamseg.service.explainer import Explainer
from streamseg.service.k_selection import KAdvice
from streamseg.service.key_issuing import issue
from streamseg.service.list_desk import ListDesk
from streamseg.service.live_events import live_event
from streamseg.service.movers import recent_moves
from streamseg.service.segmentations import compare_segmentations
from streamseg.service.status import Status, StoredFacts
from streamseg.service.status_judgement import Problem
from streamseg.service.timeline import Timeline, read_timeline
from streamseg.service.tried_events import TriedEvents
from streamseg.store.memory import MemoryApiKeyStore, MemoryMembershipStore, MemoryModelStore, MemoryStateStore
from streamseg.store.memory.audit_log import MemoryAuditLog
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS
from streamseg.wiring.declared_audiences import live_audiences, rules_to_explain, vocabulary, with_lists
from tests.support.partition import MemoryLog
from tests.support.served_api import membership_of

LAYOUT = Layout.of(segmentations=("behaviour", "value"), audiences=4, identifiers=("email",))
NOW = 1_795_000_000.0
SEGMENT, OTHER = "behaviour-k7q2", "behaviour-m3x8"
ROLES: tuple[ConsoleRole, ...] = ("viewer", "editor", "privacy")
ORIGIN = "http://console.test"
REPORT = WorkerReport("w", "0", 0.0, NOW, True, (), ())
NOTHING = Consent(ads=False, personalisation=False)


def entry(label: str, **more: Any) -> bytes:
    """An entry of the catalogue, without a description."""
    made: dict[str, Any] = {"segmentation": "behaviour", "label": label, "generated_label": label, "given_name": None}
    made |= {"size": 2, "share": 0.5, "value_share": 0.25, "mean_value": 10.0, "retired": None, "closes": None}
    return msgspec.json.encode(made | {"shadow": False, "description": f"{label} do things.", "parents": []} | more)


class MemoryTail:
    """A `Tail` of a log in memory."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._read: dict[str, int] = {}
        self.is_open = False

    async def look(self) -> tuple[list[MemoryRecord], bool]:
        """See the port."""
        if not self.is_open:
            self.is_open = True
            self._read = {topic: len(records) for topic, records in self._log.records.items()}
        await asyncio.sleep(0.01)
        found: list[MemoryRecord] = []
        for topic in (*INPUT_TOPICS, DEAD_LETTERS):
            records = self._log.records[topic]
            found += records[self._read.get(topic, 0) :]
            self._read[topic] = len(records)
        return found, False

    async def close(self) -> None:
        """See the port."""
        self.is_open = False


@dataclass
class ServedConsole:
    """The console's stores, its keys by role, and a client for each reader."""

    console: Console
    gate: Gate
    keys: MemoryApiKeyStore
    audit: MemoryAuditLog
    desk: AudienceDesk
    facts: Facts
    state: MemoryStateStore
    models: MemoryModelStore
    memberships: MemoryMembershipStore
    log: MemoryLog = field(default_factory=MemoryLog)
    plain: Mapping[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    advice: KAdvice | None = None

    def client(self, host: str = "console.test") -> httpx.AsyncClient:
        """A browser without cookies."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.console), base_url=f"http://{host}")

    @asynccontextmanager
    async def logged_in(self, role: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody with a role."""
        async with self.client() as client:
            answer = await client.post("/login", data={"key": self.plain[role]}, headers={"Origin": ORIGIN})
            assert answer.status_code == 303, answer.text
            yield client


async def shown(client: httpx.AsyncClient, path: str, text: str) -> str:
    """A page as soon as it has a text: what is costly comes when it is read."""
    for _ in range(20):
        page = (await client.get(path)).text
        if text in page:
            return page
    raise AssertionError(f"{path} has no {text!r}: {page}")


LEARNED: Final = {"behaviour": 3, "value": 2}
"""The setting k of the segmentations that are learned."""


@asynccontextmanager
async def served_console(
    *,
    demo: bool = False,
    secure: bool = False,
    openid: OpenIdLogins | None = None,
    soon_seconds: float = 30.0,
    learned: Mapping[str, int] = LEARNED,
    rules: Mapping[str, SegmentRules] = NO_SEGMENTATIONS,
) -> AsyncIterator[ServedConsole]:
    """Serve a console with two segments of two customers each; one moved today.

    Pages wait for what they count up to `soon_seconds`: longer than in life, because this machine may be busy.
    """
    state, memberships, models = MemoryStateStore(), MemoryMembershipStore(ttl_seconds=60), MemoryModelStore()
    keys, audit, log = MemoryApiKeyStore(), MemoryAuditLog(), MemoryLog()
    await models.write_catalogue({SEGMENT: entry("Weekend shoppers"), OTHER: entry("=Night owls")})
    for number, segment in enumerate((SEGMENT, SEGMENT, OTHER, OTHER)):
        customer = f"c-{number}"
        await memberships.write([OutboxEntry(customer, 1, 1, encode(membership_of(customer, segment)))])
    claimed = await state.claim(0, "w", LAYOUT.fingerprint, 1)
    day = int(NOW // 86_400)
    for number, ago in enumerate((1, 0)):
        flows = Flows(day - ago, {(OTHER, SEGMENT): 1})
        sizes = {SEGMENT: 3, OTHER: 2}
        await state.flush(0, Flush("w", claimed.flush_number + number, sizes=sizes, flows=flows))
    plain: dict[str, str] = {}
    for role in ROLES:
        key, plain[role] = issue(role, "console", NOW, role=role)
        await keys.put(key)
    served: ServedConsole

    async def status() -> tuple[Status, list[Problem]]:
        return Status(NOW, None, StoredFacts(("w",), {"w": REPORT}, {}, {}, ())), served.problems

    async def past(customer: str) -> Timeline:
        return await read_timeline(log, 0, customer, seconds=1.0)

    async def compare(old: str, new: str) -> Comparison:
        return await compare_segmentations(state, LAYOUT, old, new)

    async def advised(_: str) -> KAdvice | None:
        return served.advice

    desk = AudienceDesk(
        state,
        models,
        audit,
        LAYOUT,
        NOTHING,
        live_of=live_audiences,
        vocabulary=with_lists,
        partition_of=lambda _, __: 0,
        event_clock=True,
        clock=lambda: NOW,
    )
    uploads = ListDesk(state, models, audit, LAYOUT, vocabulary=vocabulary, event_clock=True)
    trials = Trials(
        TriedEvents(
            state, memberships, lambda: log, log, partition_of=lambda _, __: 0, event_clock=False, currency="EUR"
        )
    )
    facts = Facts(
        state,
        memberships,
        models,
        layout=LAYOUT,
        desk=desk,
        learning=Learning(
            models,
            shadow={"behaviour": False, "value": True},
            segments_wanted=learned,
            compare=compare,
            advise=advised,
            clock=lambda: NOW,
        ),
        lists=uploads,
        live=LiveFeed(MemoryTail(log), partial(live_event, decoder=Decoder(Money("EUR", 2, {}), 1e9))),
        trials=trials,
        status=status,
        explainer=Explainer(state, models, lambda: LAYOUT, lambda _, __: 0, rules=rules_to_explain(LAYOUT, rules)),
        past=past,
        partition_of=lambda _, __: 0,
        unknown=NOTHING,
        segmentations=("behaviour",),
        moves=lambda partitions: recent_moves(served.log, memberships, partitions),
        event_clock=False,
        clock=lambda: NOW,
    )
    gate = Gate(Signer(), secure=secure, demo=demo, openid=openid is not None, clock=lambda: NOW)
    console = Console(
        facts, gate, keys, audit, log, desk=desk, lists=uploads, language="en",
        actions=tuple(read_actions()), streams_limit=2, secure=secure, openid=openid,
    )  # fmt: skip
    served = ServedConsole(console, gate, keys, audit, desk, facts, state, models, memberships, log, plain)
    await console.refresh()
    with patch.object(kept, "SOON_SECONDS", soon_seconds):
        yield served
