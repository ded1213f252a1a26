"""Audiences for benchmarks: rules of three predicates each, no two alike."""

import json
from typing import Any, Final

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience

TRACKED: Final = {"cart": 2, "purchase": 4, "view": 4, "visit": 4}
"""What rows keep for them."""
SETTINGS: Final = {"STREAMSEG_AUDIENCES__TRACKED": json.dumps(TRACKED)}
FIGURES: Final = ("views", "carts", "clicks", "sessions", "click_recency")


def rule(number: int) -> dict[str, Any]:
    """Return a rule: two windows, one of them negated, and a figure. Each matches few customers of the load."""
    seen = {"event": "view", "at_least": 2 + number % 3, "within": f"{1 + number} hours"}
    not_left = {"not": {"event": "cart", "at_least": 1 + number % 2, "within": f"{2 + number} days"}}
    figure = {"feature": FIGURES[number % len(FIGURES)], "at_least": 20.0 + 2.0 * number}
    return {"any": [{"all": [seen, not_left]}, figure]} if number % 2 else {"all": [seen, not_left, figure]}


def declared(count: int) -> DeclaredAudiences:
    """Return so many audiences, declared in one generation after the other."""
    audiences = DeclaredAudiences()
    for number in range(count):
        audience = f"audience-{number}"
        given = {"id": audience, "name": f"Audience {number}", "purpose": "ads", "rule": rule(number)}
        audiences = audiences.with_(audience, Audience.model_validate(given).written(), count)
    return audiences
