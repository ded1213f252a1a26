"""Keys and subscribers that change are in the audit log with what was before and after, and without a secret."""

from dataclasses import replace

import pytest

from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.ports import AuditEntry, AuditLog, Delivery, Subscriber
from streamseg.service.access_changes import put_key, retry_parked, revoke_key, subscribe, unsubscribe
from streamseg.service.audit_trail import Author, Trail
from streamseg.service.key_issuing import issue
from streamseg.store.memory import MemoryApiKeyStore, MemoryWebhookStore
from streamseg.store.memory.audit_log import MemoryAuditLog

pytestmark = pytest.mark.asyncio

CRM = Subscriber("crm", "https://me:word@crm.example/hook?token=word", "whsec_word", ("behaviour-*",))

HELD, WAITING = Delivery("crm", "aa-7-1", "{}"), Delivery("crm", "bb-7-2", "{}")


class NoLog(MemoryAuditLog):
    """An audit log that cannot be written."""

    async def append(self, _: AuditEntry) -> None:
        raise StoreUnavailableError("away")


def trail(log: AuditLog) -> Trail:
    return Trail(log, Author("ann", "", "command line"), lambda: 5.0)


async def test_a_key_is_noted_as_it_comes_changes_and_goes_and_its_hash_never() -> None:
    keys, log = MemoryApiKeyStore(), MemoryAuditLog()
    key, plain = issue("shop", "secret", 1.0, ("audiences:read",))
    await put_key(keys, key, trail(log))
    await put_key(keys, replace(key, expires=9), trail(log))
    assert await revoke_key(keys, key.id, trail(log))
    assert not await revoke_key(keys, key.id, trail(log))
    entries = await log.latest(9)
    assert [(one.action, one.subject, one.who) for one in entries] == [
        (f"{verb} key", key.id, "ann") for verb in ("create", "change", "revoke")
    ]
    ends = [[each and each["expires"] for each in (one.before, one.after)] for one in entries]
    assert ends == [[None, None], [None, 9], [9, None]]
    first = {"name": "shop", "kind": "secret", "role": None, "scopes": ("audiences:read",), "created": 1}
    assert entries[0].after == first | {"expires": None}
    assert plain not in str(entries)
    assert key.digest not in str(entries)


async def test_a_webhook_is_noted_as_it_comes_changes_and_goes_and_its_secret_never() -> None:
    webhooks, log = MemoryWebhookStore(), MemoryAuditLog()
    await subscribe(webhooks, CRM, trail(log), may_replace=False)
    wider = replace(CRM, secret="whsec_other", segments=())
    with pytest.raises(StreamsegError, match="already"):
        await subscribe(webhooks, wider, trail(log), may_replace=False)
    kept = await subscribe(webhooks, wider, trail(log), may_replace=True)
    assert kept == replace(CRM, segments=())
    assert await webhooks.subscribers() == [kept]
    assert await unsubscribe(webhooks, "crm", trail(log))
    assert not await unsubscribe(webhooks, "crm", trail(log))
    entries = await log.latest(9)
    assert [(one.action, one.subject) for one in entries] == [
        (f"{verb} webhook", "crm") for verb in ("add", "change", "remove")
    ]
    assert entries[0].after["url"] == "https://crm.example/hook?..."
    assert (entries[1].before["segments"], entries[1].after["segments"]) == (("behaviour-*",), ())
    assert "word" not in str(entries)


async def test_a_parked_delivery_that_is_retried_is_noted_with_why_it_was_parked() -> None:
    webhooks, log = MemoryWebhookStore(), MemoryAuditLog()
    await webhooks.subscribe(CRM)
    await webhooks.enqueue([HELD, WAITING], 1.0, 9)
    await webhooks.park(replace(HELD, reason="status 500"), 2.0)
    assert await retry_parked(webhooks, [HELD.id, WAITING.id, "other"], 3.0, trail(log)) == [HELD.id]
    assert await webhooks.parked() == []
    (entry,) = await log.latest(9)
    assert (entry.action, entry.subject, entry.before) == ("retry delivery", HELD.id, {"parked": "status 500"})


async def test_what_cannot_be_noted_is_not_changed() -> None:
    keys, webhooks, log = MemoryApiKeyStore(), MemoryWebhookStore(), MemoryAuditLog()
    key, _ = issue("shop", "secret", 1.0)
    await put_key(keys, key, trail(log))
    await subscribe(webhooks, CRM, trail(log), may_replace=False)
    await webhooks.enqueue([HELD], 1.0, 9)
    await webhooks.park(HELD, 2.0)
    for change in (
        put_key(keys, replace(key, expires=9), trail(NoLog())),
        revoke_key(keys, key.id, trail(NoLog())),
        subscribe(webhooks, replace(CRM, segments=()), trail(NoLog()), may_replace=True),
        unsubscribe(webhooks, "crm", trail(NoLog())),
        retry_parked(webhooks, [HELD.id], 3.0, trail(NoLog())),
    ):
        with pytest.raises(StoreUnavailableError):
            await change
    assert await keys.all() == [key]
    assert await webhooks.subscribers() == [CRM]
    assert [one.id for one in await webhooks.parked()] == [HELD.id]
