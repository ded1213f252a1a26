"""Counts the members of audiences, and those of them who consent to the purpose of the audience."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from streamseg.features.rows import Rows, Slots
from streamseg.membership.types import Consent
from streamseg.pipeline.audiences import AudiencesLook
from streamseg.pipeline.consents import NOTHING_SAID, consents
from streamseg.pipeline.live_audiences import LiveAudiences, Mask, belonged

SIZE_PREFIX = "audience/"
"""Before the id of an audience among the sizes of a partition. No segment id has a slash."""
CONSENTED = "/consented"
"""After the id: the members who consent to the purpose of the audience."""


def sizes_of(look: AudiencesLook, rows: Slots) -> tuple[list[list[str]], list[list[str]]]:
    """Return the sizes in which each of these recounted rows of a look counted, and those in which it counts."""
    before, after = _with_consent(look, rows)
    return _size_names(look.ids, *before), _size_names(look.ids, *after)


def count_audiences(look: AudiencesLook | None, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return a partition's sizes, updated by the moves of a look; empty audiences are left out."""
    counted = dict(sizes)
    if look is not None and look.recounted.any():
        before, after = _with_consent(look, np.flatnonzero(look.recounted))
        grown, consenting = _more(before[0], after[0]), _more(before[0] & before[1], after[0] & after[1])
        for column in np.flatnonzero((grown != 0) | (consenting != 0)).tolist():
            name = SIZE_PREFIX + look.ids[column]
            counted[name] = counted.get(name, 0) + int(grown[column])
            counted[name + CONSENTED] = counted.get(name + CONSENTED, 0) + int(consenting[column])
    return {name: count for name, count in counted.items() if count}


def sizes_held(rows: Rows, slots: Slots, live: LiveAudiences, unknown: Consent = NOTHING_SAID) -> list[list[str]]:
    """Return for each row the sizes in which it counts."""
    ids, held = belonged(rows, slots, live)
    agreed = consents(rows, slots, unknown)[:, live.purposes_of(ids)]
    return _size_names(ids, held, agreed)


def split_sizes(sizes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the members of each audience, and those of them who consent, from the sizes of partitions."""
    named = {name.removeprefix(SIZE_PREFIX): size for name, size in sizes.items() if name.startswith(SIZE_PREFIX)}
    members = {name: size for name, size in named.items() if not name.endswith(CONSENTED)}
    return members, {n.removesuffix(CONSENTED): size for n, size in named.items() if n.endswith(CONSENTED)}


def _with_consent(look: AudiencesLook, rows: Slots) -> tuple[tuple[Mask, Mask], tuple[Mask, Mask]]:
    """Return who of some rows belonged to each audience and consented to its purpose, and who does, (n, audiences)."""
    before = look.before[rows], look.agreed_before[rows][:, look.purposes]
    return before, (look.after[rows], look.agreed[rows][:, look.purposes])


def _more(before: Mask, after: Mask) -> NDArray[np.int64]:
    """Return how many more there are after than before, by column."""
    more: NDArray[np.int64] = after.sum(axis=0, dtype=np.int64) - before.sum(axis=0, dtype=np.int64)
    return more


def _size_names(ids: Iterable[str], held: Mask, agreed: Mask) -> list[list[str]]:
    """Return the sizes in which each row counts, by masks of shape (n, audiences)."""
    members = [SIZE_PREFIX + audience for audience in ids]
    found: list[list[str]] = [[] for _ in held]
    for mask, names in ((held, members), (held & agreed, [one + CONSENTED for one in members])):
        # Most customers are in few of many audiences: only those are walked through.
        for row, column in zip(*(places.tolist() for places in np.nonzero(mask)), strict=True):
            found[row].append(names[column])
    return found
