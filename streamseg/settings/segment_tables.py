"""The tables of the settings file about segments: what rows hold, how segments are learned, who may see them.

Times are in seconds unless the name says otherwise; shares are between 0 and 1.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from streamseg.clustering.params import REFUSED
from streamseg.clustering.population import Population
from streamseg.errors import SettingsError
from streamseg.language import DEFAULT, languages
from streamseg.language.actions import read_actions
from streamseg.packs import pack
from streamseg.settings.currencies import check_currency
from streamseg.settings.toml_table import Positive, TimeZone, TomlTable
from streamseg.wrong_values import FORMATS

NAME: Final = r"^[a-z][a-z0-9_]{0,31}$"
FORMATS[NAME] = "must be 1-32 small letters, digits and underscores, a letter first"

Name = Annotated[str, Field(pattern=NAME)]
Currency = Annotated[str, AfterValidator(check_currency)]
"""Code of a currency that is in use, by ISO 4217."""
Trait = Annotated[str, Field(min_length=1, max_length=64)]


class MoneySettings(TomlTable):
    """The currency that amounts are counted in. Others are converted by `rates`, or rejected without a rate."""

    currency: Currency = "EUR"
    """ISO 4217 code."""
    minor_units: int = Field(default=2, ge=0, le=4)
    """Decimals of the currency."""
    rates: dict[Currency, Positive] = Field(default_factory=dict)
    """Value of one unit of another currency in ours."""
    typical_price: Positive = 30.0
    """Price of an ordinary item. Feature vectors assume it for customers with little data; it does not change rows."""
    typical_order: Positive = 60.0
    """Value of an ordinary order, used in the same way."""


class AttributeSettings(TomlTable):
    """A profile attribute: a category if it has `values`, else a number (true counts as 1, false as 0)."""

    values: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(default=(), max_length=64)
    """Allowed categories, compared case-insensitively. Any other value counts as missing."""
    found: int = Field(default=0, ge=0, le=64)
    """A text whose values are not listed but found in the data, such as a city: vectors compare so many hash groups of
    them, descriptions name the most frequent. 0: a number, or one of `values`."""
    first: int = Field(default=18, ge=1, le=18)
    """Letters of such a text that are kept: 2 of a postcode are its area."""
    spellings: dict[Trait, tuple[Trait, ...]] = Field(default_factory=dict)
    """Other spellings by value: `NL = ["Holland"]`. They are read as the value."""
    countries: bool = False
    """Read names of countries ("EIRE", "Netherlands", "nl-NL") as codes: `values` are ISO 3166-1 alpha-2 codes."""
    typical: float | None = Field(default=None, allow_inf_nan=False)
    """The number to assume where the attribute is missing. Default: the mean of the customers who have it, so that it
    adds nothing to any difference."""
    skewed: bool = False
    """Compare the number on a logarithmic scale, for example an income or a number of employees."""
    group_as: str = Field(default="", max_length=64)
    """Name of what `groups` or `bands` make of it: `country` grouped as `zone`, `birth_year` as `generation`."""
    groups: dict[Trait, tuple[Trait, ...]] = Field(default_factory=dict)
    """Values by the name of the group that they belong to."""
    bands: dict[Trait, tuple[float, float]] = Field(default_factory=dict)
    """Least and greatest number by the name of the band."""

    @model_validator(mode="after")
    def _check_groups(self) -> "AttributeSettings":
        if bool(self.group_as) != bool(self.groups or self.bands):
            raise ValueError("group_as needs groups or bands, and they need group_as")
        given = [value for values in self.groups.values() for value in values]
        if not self.found and (unknown := [value for value in given if value not in self.values]):
            raise ValueError(f"groups has {unknown[0]}, which is not in values")
        if unknown := [value for value in self.spellings if value not in self.values]:
            raise ValueError(f"spellings has {unknown[0]}, which is not in values")
        if self.countries and not self.values:
            raise ValueError("countries needs values: codes of countries")
        if self.bands and (self.values or self.found):
            raise ValueError("bands are for numbers, but this attribute has values")
        return self

    @model_validator(mode="after")
    def _check_kind(self) -> "AttributeSettings":
        if (self.values or self.found) and (self.typical is not None or self.skewed):
            raise ValueError("typical and skewed are for numbers, but this attribute has values")
        if self.values and self.found:
            raise ValueError("values are listed or found, not both")
        return self


class FeatureSettings(TomlTable):
    """What a row holds. A change needs `streamseg rebuild`, which computes the rows again from the log."""

    half_life_days: Positive = 30.0
    """Half-life of the decayed sums that describe habits: counts, spend, shares."""
    recent_half_life_days: Positive = 7.0
    """Half-life of a second set of counts, which shows recent changes."""
    categories: tuple[str, ...] = ()
    """Item categories that get a share each, compared case-insensitively. All others count as `other`."""
    brand_groups: int | None = Field(default=None, ge=0, le=256)
    """Number of hash groups for brands; more groups give a more exact estimate of brand loyalty. Each takes 4 bytes of
    a row. None: as many as the chosen packs need, for most packs 0."""
    category_groups: int | None = Field(default=None, ge=0, le=256)
    """Number of hash groups for item categories, to find interests without a list of them. Each takes 4 bytes of a row.
    None: as many as the chosen packs need where `categories` is empty, else 0."""
    counted: tuple[Literal["channel", "browser", "platform"], ...] | None = None
    """What else of clicks is counted: how visits came, by which browser, in the app or on the web. They take 28, 28 and
    12 bytes of a row. None: what the chosen packs need."""
    search_groups: dict[Trait, Annotated[tuple[Trait, ...], Field(min_length=1)]] | None = None
    """Groups of search terms: the words of which a term has one, by the name of the group; `gift*` is every word that
    begins so. Each takes 4 bytes of a row. None: those of the chosen packs."""
    time_zone: TimeZone = "UTC"
    """Time zone in which hours of the day and weekends are counted."""
    remembered_event_ids: int = Field(default=8, ge=0, le=256)
    """Number of latest event ids kept per customer, to recognise duplicates that a producer sends."""
    attributes: dict[Trait, AttributeSettings] = Field(default_factory=dict)
    """Profile attributes to keep besides those of the chosen packs. An entry with the name of a pack's attribute
    replaces it."""


class SegmentationSettings(TomlTable):
    """One way of grouping all customers. Settings that are missing here come from the pack, if there is one."""

    pack: str | None = None
    """Name of a shipped segmentation. The other settings of this table override it."""
    rules: Path | None = None
    """File of a declared segmentation: its segments and their rules, of which the first that holds decides. Nothing is
    learned then, and what follows here does not apply, but for `population` and `shadow`."""
    features: tuple[str, ...] = Field(default=(), validate_default=True)
    """Names from the feature catalogue, or patterns such as `category_*`."""
    population: str = ""
    """Who belongs to it: one figure compared with a number, such as `transactions >= 1`. All others are in a group of
    their own, NAME-outside. Figures are features as they were observed, and `events`; empty: everybody belongs."""
    shadow: bool = False
    """Learn and assign, but publish nothing before `streamseg promote`."""
    clusterer: Literal["kmeans", "streamkmeans", "clustream", "dbstream"] = "kmeans"
    """Algorithm that learns the centres; all are from River."""
    k: int = Field(default=6, ge=2, le=64)
    """Number of clusters."""
    margin: float = Field(default=0.05, ge=0, lt=1)
    """Settling: how much nearer a new centre must be, as a share of the distance to the old one."""
    looks: int = Field(default=2, ge=1, le=255)
    """Settling: number of consecutive ticks of the look interval at whose end the new centre must be nearer."""
    look_interval_minutes: int = Field(default=1, ge=1, le=1_440)
    """Settling: length of a tick of event time. Looks of a customer within one count once, the last of them. Customers
    without a segment, and those of an ended one, get their segment at once all the same."""
    learn_interval_seconds: Positive = 86_400.0
    """A customer's vector is learned at most once in this time, by the partition's clock."""
    challenge_interval_seconds: Positive = 86_400.0
    """Time between two challenges, which compare the current centres with newly computed ones."""
    step: float | None = Field(default=None, ge=0, lt=1)
    """Share by which a centre moves towards a learned vector (`halflife` of River's KMeans). None: chosen at each
    challenge from the measured drift. 0: centres stand between challenges."""
    warm_up_per_cluster: int = Field(default=20, ge=1)
    """Distinct sampled customers per cluster that the first centres need."""
    warm_up_events: int = Field(default=20, ge=1)
    """Median number of events of the sampled customers that the first centres need."""

    @model_validator(mode="before")
    @classmethod
    def _from_pack(cls, given: object) -> object:
        if not isinstance(given, dict) or given.get("pack") is None:
            return given
        try:
            return {**pack(str(given["pack"])).segmentation, **given}
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @field_validator("clusterer", mode="before")
    @classmethod
    def _check_clusterer(cls, value: object) -> object:
        if isinstance(value, str) and value in REFUSED:
            raise ValueError(f"{value} is refused: {REFUSED[value]}")
        return value

    @field_validator("population")
    @classmethod
    def _check_population(cls, value: str) -> str:
        try:
            return str(Population.parse(value)) if value.strip() else ""
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @field_validator("features")
    @classmethod
    def _check_features(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and info.data.get("rules") is None:
            raise ValueError("needs features, rules, or a pack")
        return value

    @model_validator(mode="after")
    def _check_decider(self) -> "SegmentationSettings":
        given = self.model_fields_set - {"pack", "rules", "population", "shadow"}
        if self.rules is not None and given:
            raise ValueError(f"{min(given)} is for segments that are learned, and these have rules")
        return self


BEHAVIOUR: Final = SegmentationSettings(pack="behaviour")
"""The segmentation `behaviour`, used when the settings name none."""


class DescriptionSettings(TomlTable):
    """How segments are described to people."""

    language: str = DEFAULT
    """Language of texts where the reader asks for none: `en`, `nl` or `sv`."""
    actions_file: Path | None = None
    """TOML file with the suggested actions, as `streamseg/language/actions.toml`. None: those shipped."""

    @field_validator("language")
    @classmethod
    def _check_language(cls, value: str) -> str:
        if value not in languages():
            raise ValueError(f"must be one of {', '.join(languages())}")
        return value

    @field_validator("actions_file")
    @classmethod
    def _check_actions(cls, value: Path | None) -> Path | None:
        try:
            read_actions(value)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return value


class MembershipSettings(TomlTable):
    """How long memberships are valid, and who may see them."""

    bound_seconds: Positive = 86_400.0
    """Greatest age of a membership while workers are healthy."""
    ttl_seconds: int = Field(default=30 * 86_400, ge=60)
    """Wall time after which Redis deletes a membership that is not renewed; up to a tenth less for each."""
    retention_seconds: Positive = 730 * 86_400.0
    """Customers without an event for this time expire."""
    ads_smallest_segment: int = Field(default=50, ge=0)
    """Ad servers do not see segments with fewer members."""
    unknown_ads_consent: bool = False
    """Consent to ads to assume for customers who gave none."""
    unknown_personalisation_consent: bool = True
    """Consent to personalisation to assume for customers who gave none."""
    unknown_analytics_consent: bool = True
    """Consent to analytics to assume for customers who gave none: whether models may learn from them."""
