"""What rules can speak of in a small shop, for tests of audiences."""

from typing import Final

from streamseg.audiences.vocabulary import Vocabulary
from streamseg.clustering.identity import OUTSIDE
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout

LAYOUT: Final = Layout.of(
    categories=("Running", "Trail running"),
    time_zone="Europe/Amsterdam",
    attributes=(
        Attribute("age"),
        Attribute("gender", ("female", "male", "other")),
        Attribute("country", ("NL", "BE", "NO"), group_as="zone", groups=(("benelux", ("NL", "BE")),)),
        Attribute("birth_year", group_as="generation", bands=(("millennials", 1981, 1996), ("boomers", 1946, 1964))),
        Attribute("city", found=4),
    ),
)
VOCABULARY: Final = Vocabulary(
    features=catalogue(LAYOUT),
    attributes=LAYOUT.attributes,
    tracked={"visit": 4, "purchase": 3, "view.running": 2, "purchase.running": 1},
    spent_days=90,
    categories=LAYOUT.categories,
    segmentations={"behaviour": {}, "value": {"outside": OUTSIDE}},
    currency="EUR",
    minor_units=2,
    time_zone="Europe/Amsterdam",
    identifiers=("email",),
    lists={"vip": frozenset({"id", "email"}), "staff": frozenset({"id"}), "called": frozenset({"phone"})},
)
