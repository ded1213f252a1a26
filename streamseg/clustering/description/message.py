"""The form of what is said of a segment: keys and facts, of which `streamseg.language` makes sentences."""

from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]
"""`key` of a message, and its `facts` by name. A fact is an object with one of: `share`, `money` with `currency`,
`often` (events in 30 days), `days`, `number`, `names` (words of the shop), `attribute` (name of an attribute or of what
it is grouped as), `value` of the attribute `of`, `message` (the key of a phrase), `messages`, `feature`, `rule` (as
written); `per` is the "month" or "year" that a number is of."""


def message(key: str, **facts: Any) -> Message:
    """Return a message."""
    return {"key": key} | ({"facts": facts} if facts else {})
