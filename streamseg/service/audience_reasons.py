"""Explain why a customer is in an audience or not: what its rule asks, and which of it holds."""

from typing import Any

import numpy as np

from streamseg.audiences.predicates import Compared, OnList
from streamseg.audiences.wording import asked
from streamseg.clustering.population import OF_ROWS
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.vector import observed
from streamseg.pipeline import LiveAudiences, belonged


def audience_reasons(
    layout: Layout, customer_id: str, row: bytes, live: LiveAudiences, now: float
) -> dict[str, dict[str, Any]]:
    """Return for each audience whether the customer is a member, since when, and what its rule asks.

    `clauses` are the ways to belong: all that one of them asks must hold. Each asks something (`asks`) that must be so,
    or not be so (`wanted` false). `is` says whether it is so: true, false, or null where it is not known. `value` is
    the figure that is compared, null where it is not known or none is. `ends` is the end of a list, epoch seconds, null
    for none.

    Args:
        layout: layout of the row.
        customer_id: whose row it is.
        row: the stored row.
        live: the audiences.
        now: moment that is explained, epoch seconds.
    """
    rows = Rows(layout, 1)
    slots = rows.load([customer_id], [row])
    at = np.maximum(rows.last_seen[slots], now)
    _, held = belonged(rows, slots, live)
    members = held[:, : len(live.ids)]
    answers = live.rules.answers(rows, slots, at, members)
    explained = {}
    for column, audience in enumerate(live.ids):
        clauses = []
        for clause in live.rules.clauses(column):
            asks = []
            for literal in clause:
                yes, no = answers[literal.predicate]
                known = bool(yes[0] or no[0])
                one = {"asks": asked(literal.predicate, layout), "wanted": literal.holds}
                one["is"] = bool(yes[0]) if known else None
                if isinstance(literal.predicate, Compared):
                    one["value"] = _value(rows, slots, at, literal.predicate.figure)
                elif isinstance(literal.predicate, OnList):
                    uploaded = live.declared.find_list(literal.predicate.list)
                    one["ends"] = None if uploaded is None else uploaded.ends
                asks.append(one)
            clauses.append(asks)
        since = int(rows.entered[slots[0], live.columns[column]]) if members[0, column] else None
        explained[audience] = {"member": bool(members[0, column]), "since": since, "clauses": clauses}
    return explained


def _value(rows: Rows, slots: np.ndarray[Any, Any], at: np.ndarray[Any, Any], figure: str) -> float | None:
    value = float(rows.slab[figure][slots[0]] if figure in OF_ROWS else observed(rows, slots, at, [figure])[0, 0])
    return None if np.isnan(value) else round(value, 4)
