"""Says what a look-alike in a rule means: how much alike to enter and to stay, with the seed in or out."""

from typing import Final

from streamseg.audiences.predicates import Alike, AllOf, AnyOf, Belongs, Not, Stays, Tree
from streamseg.audiences.written.leaves import LookalikeRule

LEAVES_LOWER: Final = 0.05
"""A member stays until the likeness is so much lower than what enters: daily learning moves it a little."""
LEAVES_AFTER: Final = 1.1
"""A member stays among so many times the wanted size."""


def like_members(rule: LookalikeRule, seed: Tree, member: Belongs | Stays, by: str) -> Tree:
    """Return what the rule asks; `seed` tells who is in the seed, `member` for whom the rule holds now."""
    if rule.size is not None:
        enter = Alike(rule.lookalike, by, size=float(rule.size))
        leave = Alike(rule.lookalike, by, size=LEAVES_AFTER * rule.size)
    else:
        least = rule.at_least if rule.at_least is not None else rule.enter or 0.0
        stays = rule.leave if rule.leave is not None else max(round(least - LEAVES_LOWER, 6), 0.0)
        enter, leave = (Alike(rule.lookalike, by, likeness=one) for one in (least, stays))
    alike = AnyOf((enter, AllOf((member, leave))))
    return AnyOf((seed, alike)) if rule.seed == "in" else AllOf((Not(seed), alike))
