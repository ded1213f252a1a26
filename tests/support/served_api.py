"""An API on the memory stores, called over ASGI, with a secret and a publishable key."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from pydantic import SecretStr

from streamseg.api.app import Api
from streamseg.errors import StreamsegError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.layout import Layout
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.metrics import Metrics
from streamseg.pipeline import Segmentation
from streamseg.ports import ApiKey, OutgoingRecord, Scope
from streamseg.service.audience_desk import AudienceDesk
from streamseg.service.explainer import Explainer
from streamseg.service.key_issuing import digest
from streamseg.settings import ApiSettings
from streamseg.store.memory import (
    MemoryApiKeyStore,
    MemoryChangeNotices,
    MemoryMembershipStore,
    MemoryModelStore,
    MemoryStateStore,
    MemoryTicketStore,
)
from streamseg.store.memory.audit_log import MemoryAuditLog
from streamseg.wiring.declared_audiences import live_audiences, with_lists

SK = "sk_" + "s" * 43
PK = "pk_" + "p" * 43
READS, WRITES, SEES_IDS = (f"sk_{letter * 43}" for letter in "rwi")
"""Secret keys that may read audiences, write them, and read them with the ids of members."""
IDENTITY_SECRET = "shop-identity-secret"
AS_OF = 1_795_000_000
LAYOUT = Layout.of()


def membership_of(
    customer_id: str,
    segment: str | None = "behaviour-k7q2",
    *,
    seq: int = 1,
    ads: bool = True,
    personalisation: bool = True,
) -> Membership:
    """Return a membership in one segmentation; unassigned without a segment."""
    published = None if segment is None else SegmentMembership(segment, AS_OF - 100, 0.83)
    return Membership(
        customer_id, 7, seq, AS_OF, {"behaviour": 3}, {"behaviour": published}, Consent(ads, personalisation)
    )


def entry_of(membership: Membership) -> OutboxEntry:
    """Return the outbox entry of a membership."""
    return OutboxEntry(membership.customer_id, membership.epoch, membership.seq, encode(membership))


def segment_entry(label: str, size: int = 1_000) -> bytes:
    """Return a catalogue entry."""
    return json.dumps(
        {
            "segmentation": "behaviour",
            "label": label,
            "description": f"{label} people",
            "size": size,
            "created": AS_OF,
            "parents": [],
            "retired": None,
            "representatives": ["c-81"],
        }
    ).encode()


@dataclass
class ListSink:
    """An event sink that keeps its records, or fails when `away`."""

    records: list[OutgoingRecord] = field(default_factory=list)
    away: bool = False

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """See the port."""
        if self.away:
            raise StreamsegError("no broker")
        self.records += records


@dataclass
class Served:
    """The stores of an API, and clients for it."""

    settings: ApiSettings = field(
        default_factory=lambda: ApiSettings(
            public_segments=("behaviour-k7q2",), identity_secrets=(SecretStr(IDENTITY_SECRET),)
        )
    )
    memberships: Any = field(default_factory=lambda: MemoryMembershipStore(ttl_seconds=3_600))
    ads_views: Any = field(default_factory=lambda: MemoryMembershipStore(ttl_seconds=3_600))
    notices: MemoryChangeNotices = field(default_factory=MemoryChangeNotices)
    models: MemoryModelStore = field(default_factory=MemoryModelStore)
    keys: MemoryApiKeyStore = field(default_factory=MemoryApiKeyStore)
    state: MemoryStateStore = field(default_factory=MemoryStateStore)
    sink: ListSink = field(default_factory=ListSink)
    audit: MemoryAuditLog = field(default_factory=MemoryAuditLog)
    layout: Layout = LAYOUT
    compared_by: Sequence[Segmentation] = ()
    """Segmentations by whose features look-alikes compare."""

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Api]:
        """Run an API with both keys and two segments."""
        await self.keys.put(ApiKey("k1", "shop", "secret", digest(SK), AS_OF))
        await self.keys.put(ApiKey("k2", "page", "publishable", digest(PK), AS_OF))
        scopes: dict[str, tuple[Scope, ...]] = {
            READS: ("audiences:read",),
            WRITES: ("audiences:write",),
            SEES_IDS: ("audiences:read", "audiences:members"),
        }
        for name, (key, granted) in zip(("k3", "k4", "k5"), scopes.items(), strict=True):
            await self.keys.put(ApiKey(name, name, "secret", digest(key), AS_OF, scopes=granted))
        await self.models.write_catalogue(
            {"behaviour-k7q2": segment_entry("Daily Athletes"), "behaviour-m3xw": segment_entry("Weekend Warriors")}
        )
        api = Api(
            self.settings,
            Metrics(),
            keys=self.keys,
            memberships=self.memberships,
            ads_views=self.ads_views,
            models=self.models,
            tickets=MemoryTicketStore(),
            notices=self.notices,
            sink=self.sink,
            decoder=Decoder(Money("EUR", 2, {})),
            explainer=Explainer(self.state, self.models, lambda: LAYOUT, lambda _, __: 0),
            audience_desk=self.desk,
        )
        async with api.running():
            yield api

    def desk(self) -> AudienceDesk:
        """Make what answers about audiences, on the event clock."""
        return AudienceDesk(
            self.state,
            self.models,
            self.audit,
            self.layout,
            Consent(ads=False, personalisation=True),
            live_of=partial(live_audiences, compared_by=self.compared_by),
            vocabulary=with_lists,
            partition_of=lambda _, __: 0,
            event_clock=True,
        )

    @asynccontextmanager
    async def client(
        self, key: str | None = SK, headers: dict[str, str] | None = None, api: Api | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client that sends this key and these headers, to `api` or to an API of its own."""
        given = (headers or {}) | ({} if key is None else {"Authorization": f"Bearer {key}"})
        async with AsyncExitStack() as stack:
            running = api if api is not None else await stack.enter_async_context(self.api())
            transport = httpx.ASGITransport(running)
            yield await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://api", headers=given)
            )

    async def change(self, membership: Membership) -> None:
        """Write a membership and its notice, as a worker does."""
        await self.memberships.write([entry_of(membership)])
        self.notices.written(membership.customer_id)
