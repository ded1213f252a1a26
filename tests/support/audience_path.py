"""A path with three audiences and one customer, and what a look at it tells."""

from typing import Any

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.features.layout import Layout
from tests.support.declared import BUYERS, QUIET, VISITORS, declared, live
from tests.support.path import NOW, PathUnderTest

LAYOUT = Layout.of(audiences=3, remembered_event_ids=64)
RULES_OF = {"visitors": VISITORS, "buyers": BUYERS, "quiet": QUIET}
ALL = declared(RULES_OF, 3)


def path_with(audiences: DeclaredAudiences = ALL, layout: Layout = LAYOUT) -> PathUnderTest:
    path = PathUnderTest(layout=layout)
    declare(path, audiences)
    return path


def declare(path: PathUnderTest, audiences: DeclaredAudiences) -> None:
    path.audiences = live(path.rows.layout, audiences)


def moves(path: PathUnderTest) -> list[str]:
    """Return the changes of audiences of the latest decision, as `+id` and `-id`."""
    signs = {"entered": "+", "exited": "-"}
    return [signs[one.change] + one.audience for entry in path.entries for one in entry.audience_changes]


def due(path: PathUnderTest, *, whole: bool = False) -> dict[str, float]:
    assert path.seen_audiences is not None
    return dict(path.seen_audiences.schedule(path.rows, path.rows.slots_of(["c-1"]), whole=whole))


def entered(path: PathUnderTest) -> list[int]:
    found: list[int] = path.rows.entered[path.rows.slots["c-1"]].tolist()
    return found


def later(path: PathUnderTest, seconds: float) -> list[dict[str, Any]]:
    """Look at the customer without an event."""
    return path.decide(path.rows.slots_of(["c-1"]), NOW + seconds)


def sizes(path: PathUnderTest) -> dict[str, int]:
    """Return the sizes of audiences."""
    return {one.partition("/")[2]: size for one, size in path.sizes.items() if "/" in one}
