"""What was changed of an audience or a list: who did it, when, and what it was before and after."""

from collections.abc import Mapping, Sequence
from typing import Any

from streamseg.audiences.written.toml_text import toml_of
from streamseg.console.texts import Texts
from streamseg.ports import AuditEntry
from streamseg.service.audit_trail import API_ROLE, COMMAND_ROLE

ROLES = {API_ROLE: "api", COMMAND_ROLE: "command"}
"""Roles that are none of the console, by their text."""


def changes_of(kind: str, subject: str, entries: Sequence[AuditEntry], texts: Texts) -> list[dict[str, Any]]:
    """Return the changes of one thing, the newest first. `before` and `after` are texts, None for nothing."""
    return [
        {
            "at": one.at,
            "who": one.who,
            "role": texts(f"role.{ROLES.get(one.role, one.role)}"),
            "what": texts(f"changes.{one.action.replace(' ', '_')}"),
            "version": (one.after or {}).get("version"),
            "before": _text(kind, subject, one.before),
            "after": _text(kind, subject, one.after),
        }
        for one in entries
        if one.subject == subject and one.action.endswith(f" {kind}")
    ]


def _text(kind: str, subject: str, value: Mapping[str, Any] | None) -> str | None:
    if value is None:
        return None
    shown = {name: one for name, one in value.items() if name != "version"}
    return toml_of(shown if kind == "audience" else {"id": subject} | shown, kind)
