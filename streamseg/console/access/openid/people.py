"""From claims to a person: their name, and the role that the settings give them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamseg.console.access.openid.refusals import LoginRefusedError
from streamseg.ports import ConsoleRole

NAMES: Final = ("name", "preferred_username", "email", "sub")
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider vouches for. `subject` is theirs for good; names may change."""

    subject: str
    name: str
    role: ConsoleRole


def person_of(claims: Mapping[str, Any], role_claim: str, roles: Mapping[str, ConsoleRole]) -> Person:
    """Return who has logged in. Raises `LoginRefusedError` for somebody without a role.

    Args:
        claims: of a checked token.
        role_claim: name of the claim that decides, with dots for what is inside others (`realm_access.roles`).
        roles: role by value of that claim. Of several values that a person has, the first in this table decides.
    """
    values = _values(claims, role_claim)
    if role_claim == "email" and claims.get("email_verified") is not True:
        raise LoginRefusedError("role", f"{_name(claims)}: the provider has not verified the address")
    for value, role in roles.items():
        if value in values:
            return Person(str(claims["sub"])[:255], _name(claims), role)
    raise LoginRefusedError("role", f"{_name(claims)}: no value of {role_claim} has a role here")


def _values(claims: Mapping[str, Any], path: str) -> set[str]:
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return {one for one in listed if isinstance(one, str)}


def _name(claims: Mapping[str, Any]) -> str:
    for claim in NAMES:
        text = "".join(one for one in str(claims.get(claim) or "") if one.isprintable()).strip()
        if text:
            return text[:LONGEST_NAME]
    return ""
