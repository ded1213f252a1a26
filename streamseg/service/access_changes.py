"""Changes of keys and webhooks, each noted in the audit log before it is made, without what is secret in them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from streamseg.errors import StreamsegError
from streamseg.ports import ApiKey, ApiKeyStore, Subscriber, WebhookStore
from streamseg.service.audit_trail import Change, Trail


async def put_key(keys: ApiKeyStore, key: ApiKey, trail: Trail) -> None:
    """Add a key, or replace the one with its id."""
    before = next((one for one in await keys.all() if one.id == key.id), None)
    action = "create key" if before is None else "change key"
    await trail.note(Change(action, key.id, before and told_of_key(before), told_of_key(key)))
    await keys.put(key)


async def revoke_key(keys: ApiKeyStore, key_id: str, trail: Trail) -> bool:
    """Remove a key. Return False when the store has none with this id."""
    before = next((one for one in await keys.all() if one.id == key_id), None)
    if before is None:
        return False
    await trail.note(Change("revoke key", key_id, told_of_key(before), None))
    return await keys.remove(key_id)


async def subscribe(webhooks: WebhookStore, subscriber: Subscriber, trail: Trail, *, may_replace: bool) -> Subscriber:
    """Add a subscriber, or with `may_replace` change the one with its id, which keeps its secret. Return it as stored.

    Raises:
        StreamsegError: one with this id is there already, and is not to be replaced.
    """
    before = await _subscriber(webhooks, subscriber.id)
    if before is not None and not may_replace:
        raise StreamsegError(
            f"there is a subscriber {subscriber.id} already: --replace changes it and keeps its secret"
        )
    after = subscriber if before is None else replace(subscriber, secret=before.secret)
    action = "add webhook" if before is None else "change webhook"
    await trail.note(Change(action, after.id, before and told_of_subscriber(before), told_of_subscriber(after)))
    await webhooks.subscribe(after)
    return after


async def unsubscribe(webhooks: WebhookStore, subscriber_id: str, trail: Trail) -> bool:
    """Remove a subscriber with all deliveries. Return False when there is none with this id."""
    before = await _subscriber(webhooks, subscriber_id)
    if before is None:
        return False
    await trail.note(Change("remove webhook", subscriber_id, told_of_subscriber(before), None))
    return await webhooks.unsubscribe(subscriber_id)


async def retry_parked(webhooks: WebhookStore, delivery_ids: Sequence[str], due: float, trail: Trail) -> list[str]:
    """Queue parked deliveries again, for epoch seconds `due`. Return the ids of those that were parked."""
    reasons = {one.id: one.reason for one in await webhooks.parked()}
    retried = []
    for each in delivery_ids:
        if each in reasons:
            await trail.note(Change("retry delivery", each, {"parked": reasons[each]}, None))
            if await webhooks.unpark(each, due):
                retried.append(each)
    return retried


def told_of_key(key: ApiKey) -> dict[str, Any]:
    """Return what may be said of a key: whose and what for, and not its hash."""
    said = asdict(key)
    return {name: said[name] for name in ("name", "kind", "role", "scopes", "created", "expires")}


def told_of_subscriber(one: Subscriber) -> dict[str, Any]:
    """Return what may be said of a subscriber: not its secret, nor the parts of its URL where others keep theirs."""
    said = asdict(one)
    said["url"] = _plain_url(one.url)
    return {name: value for name, value in said.items() if name not in ("id", "secret")}


async def _subscriber(webhooks: WebhookStore, subscriber_id: str) -> Subscriber | None:
    return next((one for one in await webhooks.subscribers() if one.id == subscriber_id), None)


def _plain_url(url: str) -> str:
    """Return a URL without a password, and with its query only hinted at."""
    parts = urlsplit(url)
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"
