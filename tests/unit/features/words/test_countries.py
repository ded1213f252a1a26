"""Countries as people write them. Issue 14: "EIRE", "Netherlands", "NL" and "nl-NL" were four countries, or none."""

import pytest

from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Source, absorb
from streamseg.features.words.countries import country_of
from streamseg.packs import pack
from tests.support.events import DECODER, MONEY, PROFILE, body, record

COUNTRY = Attribute("country", ("GB", "IE", "NL"), countries=True, spellings=(("GB", ("Channel Islands",)),))


def kept(*told: object) -> tuple[list[float], int]:
    """The codes after a profile each, and in how many the country was not read as it is."""
    rows, codes, adjusted = Rows(Layout.of(attributes=(COUNTRY,))), list[float](), 0
    rows.load(["c-81"], [None])
    for n, one in enumerate(told):
        given = body(PROFILE, event_id=str(n), occurred_at=f"2026-11-{n + 1:02}T00:00:00Z", traits={"country": one})
        slots = rows.slots_of(["c-81"])
        event = DECODER.decode(PROFILE, record(PROFILE, given))
        adjusted += absorb(rows, Source.PROFILES, slots, slots + n, [event], MONEY).adjusted  # type: ignore[list-item]
        codes.append(float(rows.attributes[slots[0], 0]))
    return codes, adjusted


@pytest.mark.parametrize(
    ("text", "code"),
    [("EIRE", "IE"), ("Netherlands", "NL"), ("the Netherlands", "NL"), ("nl-NL", "NL"), ("nl_BE", "BE"), ("NLD", "NL"),
     ("nl", "NL"), ("UK", "GB"), ("USA", "US"), ("Deutschland", "DE"), ("España", "ES"), ("Côte d'Ivoire", "CI"),
     (" Sverige ", "SE"), ("日本", "JP"), ("Unspecified", None), ("European Community", None), ("Kongo", None),
     ("", None)],
)  # fmt: skip
def test_a_country_is_read_as_people_write_it(text: str, code: str | None) -> None:
    assert country_of(text) == code


def test_rows_keep_one_code_for_all_spellings_and_count_the_rest() -> None:
    codes, adjusted = kept("NL", "Nederland", "EIRE", "en-GB", "Channel Islands")
    assert codes == [2.0, 2.0, 1.0, 0.0, 0.0]
    assert adjusted == 4
    codes, adjusted = kept("NL", "Japan")
    assert str(codes[1]) == "nan", "it is not listed"
    assert adjusted == 1


def test_the_packs_with_countries_read_them() -> None:
    for name, trait in (("geographic", "country"), ("firmographic", "company_country")):
        declared = pack(name).attributes[trait]
        assert declared["countries"]
        assert {country_of(code) for code in declared["values"]} == set(declared["values"])
