"""Roles of the console and what each may do."""

from collections.abc import Mapping
from typing import Final, Literal

from streamseg.ports import ConsoleRole

Right = Literal["see", "change", "identify", "erase"]
"""`see`: open pages and download. `change`: rename. `identify`: see customer ids instead of pseudonyms. `erase`: have a
customer erased."""

RIGHTS: Final[Mapping[str, frozenset[Right]]] = {
    "viewer": frozenset({"see"}),
    "editor": frozenset({"see", "change"}),
    "privacy": frozenset({"see", "identify", "erase"}),
    "demo": frozenset({"see", "change", "identify", "erase"}),
}
"""By role. Nobody can have a key of the role `demo`: it is that of the demo, whose customers are made up."""

Role = ConsoleRole | Literal["demo"]


def may(role: str, right: Right) -> bool:
    """Return whether a role has a right; an unknown role has none."""
    return right in RIGHTS.get(role, frozenset())
