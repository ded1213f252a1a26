"""Computes feature vectors of rows on demand."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from streamseg.features.aggregates import category_group_sum
from streamseg.features.catalogue import catalogue
from streamseg.features.formulas import Moment
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.words.texts import parts_of, text_of


def vectors(rows: Rows, slots: Slots, now: float | Floats, names: Sequence[str]) -> Floats:
    """Return the features of the rows at `now`, shape (n, len(names)), in the catalogue's units.

    All are finite, but for missing numbers of profiles without a typical value: NaN.

    Args:
        rows: the slab.
        slots: rows to compute, shape (n,).
        now: epoch seconds, a scalar or shape (n,); if a row's latest event is later, that time is used.
        names: names of features in the catalogue.

    Raises:
        KeyError: a name is not in the catalogue.
    """
    known, moment = catalogue(rows.layout), Moment(rows, slots, now)
    out = np.empty((len(slots), len(names)))
    for column, name in enumerate(names):
        out[:, column] = known[name].formula(moment)
    return out


def observed(rows: Rows, slots: Slots, now: float | Floats, names: Sequence[str] = ()) -> Floats:
    """Return what was observed of the rows at `now`: one column per name, or per feature of the catalogue in its order.

    Counts and decayed spend are per 30 days, days are not capped, and there are no priors: NaN stands where a customer
    has no data. Descriptions speak from these, models compare `vectors`.
    """
    known, moment = catalogue(rows.layout), Moment(rows, slots, now, priors=False)
    names = names or list(known)
    out = np.empty((len(names), len(slots)))
    for row, name in enumerate(names):
        out[row] = known[name].formula(moment)
    return out.T


def own_shares(rows: Rows, slots: Slots, now: float | Floats, names: Sequence[str]) -> Floats:
    """Return how much of each value of `vectors` is the customer's own and not a prior's: (n, d), in [0, 1]."""
    known, moment = catalogue(rows.layout), _OwnMoment(rows, slots, now)
    out = np.empty((len(names), len(slots)))
    for row, name in enumerate(names):
        moment.own = np.ones(len(slots))
        known[name].formula(moment)
        out[row] = moment.own
    return out.T


class _OwnMoment(Moment):
    """Notes in `own`, shape (n,), how much of a value is the customer's own."""

    own: Floats

    def ratio(self, part: Floats, whole: Floats, prior: float, weight: float) -> Floats:
        """See `Moment`."""
        self.own = np.minimum(self.own, whole / (whole + weight))
        return super().ratio(part, whole, prior, weight)


def told_texts(rows: Rows, slots: Slots) -> list[dict[str, str]]:
    """Return the texts that profiles told of each row, by attribute, such as its city; missing ones are left out."""
    found: list[dict[str, str]] = [{} for _ in slots]
    for index, attribute in enumerate(rows.layout.attributes):
        if attribute.found and not attribute.part:
            numbers = rows.attributes[slots, index : index + parts_of(attribute.first)].tolist()
            for one, text in zip(found, map(text_of, numbers), strict=True):
                if text is not None:
                    one[attribute.trait] = text
    return found


def heard_names(rows: Rows, slots: Slots, now: float | Floats) -> list[dict[str, str]]:
    """Return the names of the two strongest hash groups of categories of each row, by feature, where they are known."""
    groups, found = rows.layout.category_groups, list[dict[str, str]]()
    if not groups:
        return [{} for _ in slots]
    names = [category_group_sum(group) for group in range(groups)]
    told = {name: rows.heard.names_of(group) for group, name in enumerate(names)}
    shares = observed(rows, slots, now, names)
    for row in shares:
        strongest = [names[group] for group in np.argsort(-np.nan_to_num(row), kind="stable")[:2] if row[group] > 0]
        found.append({name: heard for name in strongest if (heard := told[name]) is not None})
    return found


def names_hash(names: Iterable[str]) -> str:
    """Return eight hexadecimal digits that stand for the features of `observed` and their order."""
    return hashlib.blake2b(" ".join(names).encode(), digest_size=4).hexdigest()
