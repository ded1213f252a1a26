"""What a look-alike in a rule means, and what is told where it is wrong."""

import pytest

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.definition_files import DefinitionError
from streamseg.audiences.predicates import Alike, AllOf, AnyOf, Belongs, Happened, InGroup, Not
from tests.support.shop_vocabulary import VOCABULARY

HEAD = '[[audience]]\nid = "{}"\nname = "A"\npurpose = "ads"\nrule = {}\n'
BUYERS = HEAD.format("buyers", '{ event = "purchase" }')
SEED = Happened("purchase", 1, float("inf"))


def rule_of(rule: str) -> object:
    return read_audiences("a.toml", BUYERS + HEAD.format("alike", rule), VOCABULARY).meanings["alike"].rule


def test_the_seed_is_left_out_and_members_stay_a_little_longer() -> None:
    enter, stay = Alike("buyers", "behaviour", likeness=0.8), Alike("buyers", "behaviour", likeness=0.75)
    alike = AnyOf((enter, AllOf((Belongs("alike"), stay))))
    assert rule_of('{ lookalike = "buyers", at_least = 0.8 }') == AllOf((Not(SEED), alike))
    assert rule_of('{ lookalike = "buyers", at_least = 0.8, seed = "in" }') == AnyOf((SEED, alike))
    assert rule_of('{ lookalike = "buyers", enter = 0.8, leave = 0.75 }') == AllOf((Not(SEED), alike))


def test_a_wanted_size_compared_by_another_segmentation() -> None:
    enter, stay = Alike("value-k7q2", "value", size=100.0), Alike("value-k7q2", "value", size=1.1 * 100)
    rule = rule_of('{ lookalike = "value-k7q2", by = "value", size = 100 }')
    assert isinstance(rule, AllOf)
    assert isinstance(rule.parts[0], Not)
    assert isinstance(rule.parts[0].part, InGroup)
    assert rule.parts[1] == AnyOf((enter, AllOf((Belongs("alike"), stay))))


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('{ lookalike = "buyer", at_least = 0.8 }', "there is no audience or segment buyer; did you mean buyers?"),
        ('{ lookalike = "alike", at_least = 0.8 }', "names itself in a circle: alike, alike"),
        ('{ lookalike = "buyers", by = "valeu", size = 9 }', "there is no segmentation valeu; did you mean value?"),
        ('{ lookalike = "buyers" }', "lookalike needs one of at_least, size, and enter with leave"),
        (
            '{ lookalike = "buyers", enter = 0.5, leave = 0.6 }',
            "lookalike has leave above or at enter: leave is the lower one",
        ),
        ('{ lookalike = "buyers", size = 9, seed = "both" }', "seed must be 'in' or 'out', not 'both'"),
    ],
)
def test_a_wrong_look_alike_is_told_in_one_line(rule: str, told: str) -> None:
    with pytest.raises(DefinitionError) as error:
        rule_of(rule)
    assert [one.partition(": audience alike: ")[2] for one in error.value.problems] == [told]


def test_an_audience_that_uses_its_own_look_alike_by_another_is_one_error() -> None:
    content = HEAD.format("a", '{ audience = "b" }') + HEAD.format("b", '{ lookalike = "a", at_least = 0.5 }')
    with pytest.raises(DefinitionError) as error:
        read_audiences("a.toml", content, VOCABULARY)
    assert len(error.value.problems) == 1
    assert "names itself in a circle: a, b, a" in error.value.problems[0]
