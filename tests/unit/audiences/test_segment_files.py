"""What is wrong with a declared segmentation is told in one line: file, line, segment, and the nearest known name."""

from pathlib import Path

import pytest

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.definition_files import DefinitionError
from streamseg.audiences.segment_files import read_segment_rules
from streamseg.errors import SettingsError
from streamseg.settings import SegmentationSettings, Settings
from streamseg.wiring.declared_audiences import vocabulary
from streamseg.wiring.derived import Derived, derive
from tests.support.declared import STATUS, segment_rules

BOUGHT = '[[segment]]\nid = "bought"\nname = "Bought"\nrule = { event = "purchase" }\n'


def declared(tmp_path: Path, *texts: str) -> Derived:
    """Declare a segmentation by each text: `first`, `second`, beside a learned one."""
    chosen = {"behaviour": SegmentationSettings(pack="behaviour")}
    for name, text in zip(("first", "second"), texts, strict=False):
        (tmp_path / f"{name}.toml").write_text(text)
        chosen[name] = SegmentationSettings(rules=tmp_path / f"{name}.toml")
    return derive(Settings(segmentations=chosen))


def refused(tmp_path: Path, *texts: str) -> str:
    with pytest.raises(SettingsError) as raised:
        declared(tmp_path, *texts)
    return str(raised.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            BOUGHT.replace("purchase", "purchse"),
            "first.toml:4: segment first-bought: event purchse is not tracked; did you mean purchase?",
        ),
        (
            BOUGHT.replace('event = "purchase"', 'event = "cart", within = "3 days"'),
            "first.toml:4: segment first-bought: event cart is not tracked; events: visit, purchase",
        ),
        (BOUGHT.replace("rule", "rul"), "first.toml:4: segment bought: unknown name rul; did you mean rule?"),
        (
            BOUGHT.replace('"bought"', '"outside"'),
            "first.toml:2: segment outside: id outside is the group of those who",
        ),
        (BOUGHT.replace('"bought"', '"Bought"'), "first.toml:2: segment Bought: id must be 1-32 small letters, digits"),
        (BOUGHT + BOUGHT, "first.toml:2: segment bought: there is another one with this id below"),
        (
            '[[segment]]\nid = "all"\nname = "All"\n' + BOUGHT,
            "first.toml:1: segment first-all: has no rule, so nobody is left for the segments below: put it last",
        ),
        (BOUGHT.replace('"Bought"', '{ nl = "Kocht" }'), "needs a text in English, en = ..."),
        ("[tracked]\ncrt = 1\n" + BOUGHT, "first.toml:1: tracked there is no event crt; did you mean cart?"),
        ("[[segment]", "first.toml:1: is no TOML: "),
        (
            BOUGHT.replace('event = "purchase"', 'segment = "first-bought"'),
            "first.toml:4: segment first-bought: names itself in a circle: segmentation first, segmentation first",
        ),
        (
            BOUGHT.replace('event = "purchase"', 'lookalike = "first-bought", at_least = 0.5'),
            "first.toml:4: segment first-bought: names itself in a circle: segmentation first, segmentation first",
        ),
        (
            BOUGHT.replace('event = "purchase"', 'lookalike = "keen", by = "first", size = 9'),
            "first.toml:4: segment first-bought: first has rules, and no features by which customers can be compared",
        ),
        (
            BOUGHT.replace('event = "purchase"', 'segmentation = "first", group = "baught"'),
            "first.toml:4: segment first-bought: first has no group baught; did you mean bought?",
        ),
        (
            BOUGHT.replace('event = "purchase"', 'segment = "first-baught"'),
            "first.toml:4: segment first-bought: there is no segment first-baught; did you mean first-bought?",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    found = refused(tmp_path, text)
    assert told in found
    assert "\n" not in found


def test_two_that_ask_of_each_other_are_told_once(tmp_path: Path) -> None:
    one = BOUGHT.replace('event = "purchase"', 'segmentation = "second", group = "bought"')
    other = BOUGHT.replace('event = "purchase"', 'segmentation = "first", group = "bought"')
    assert refused(tmp_path, one, other) == (
        "second.toml:4: segment second-bought: names itself in a circle: "
        "segmentation first, segmentation second, segmentation first"
    )


@pytest.mark.parametrize("of_segment", ['audience = "keen"', 'lookalike = "keen", at_least = 0.5'])
@pytest.mark.parametrize(
    "of_audience", ['segmentation = "first", group = "bought"', 'lookalike = "first-bought", at_least = 0.5']
)
def test_an_audience_that_a_segmentation_asks_of_may_not_ask_of_it(
    tmp_path: Path, of_segment: str, of_audience: str
) -> None:
    derived = declared(tmp_path, BOUGHT.replace('event = "purchase"', of_segment))
    file = f'[[audience]]\nid = "keen"\nname = "Keen"\npurpose = "ads"\nrule = {{ {of_audience} }}\n'
    with pytest.raises(DefinitionError) as raised:
        read_audiences("a.toml", file, vocabulary(derived.layout, None, derived.declared), (), derived.declared)
    assert raised.value.problems == (
        "a.toml:5: audience keen: names itself in a circle: segmentation first, keen, segmentation first",
    )


def test_a_missing_file_and_settings_of_models_are_refused_and_so_is_a_name_without_columns(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"setting segmentations\.a\.rules: .*none\.toml: No such file"):
        read_segment_rules("a", tmp_path / "none.toml")
    with pytest.raises(ValueError, match="k is for segments that are learned, and these have rules"):
        SegmentationSettings(pack="status", k=3)
    chosen = Settings.model_validate({"segmentations": {"status": {"pack": "status"}}, "audiences": {"most": 0}})
    with pytest.raises(SettingsError, match=r"setting audiences\.most: must be at least 1"):
        derive(chosen)


def test_rows_keep_what_the_rules_ask_for_and_no_less_than_audiences_do(tmp_path: Path) -> None:
    text = '[[segment]]\nid = "keen"\nname = "Keen"\nrule = { event = "view", at_least = 3, within = "9 days" }\n'
    (tmp_path / "keen.toml").write_text(f"spent_days = 9\n[tracked]\nview = 3\ncart = 1\n{text}")
    chosen = Settings.model_validate(
        {
            "segmentations": {"keen": {"rules": str(tmp_path / "keen.toml")}},
            "audiences": {"tracked": {"view": 1, "cart": 2}, "spent_days": 30},
        }
    )
    layout = derive(chosen).layout
    assert (dict(layout.trackers), layout.spent_days) == ({"view": 3, "cart": 2}, 30)


def test_a_rule_is_read_back_as_it_was_written() -> None:
    assert segment_rules(a={"event": "purchase"}, b=None).segment[1].rule is None
    assert [one.id for one in STATUS.segment] == ["lapsed", "customer", "prospect"]
