"""Every setting, parsed once at the top: command line over environment over secrets over TOML file over defaults.

Environment names are `STREAMSEG_` plus the path with `__`: `STREAMSEG_KAFKA__BOOTSTRAP`. Unknown keys are refused.
"""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as PydanticSettingsError

from streamseg.clustering.params import REFUSED
from streamseg.errors import SettingsError
from streamseg.packs import pack

PREFIX: Final = "STREAMSEG_"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Trait = Annotated[str, Field(min_length=1, max_length=64)]
Positive = Annotated[float, Field(gt=0)]
HttpAddress = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]
SECRET_BYTES_AT_LEAST: Final = 16
"""Of a secret that hashes are made with: shorter ones can be found by trying."""


def _not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("is empty: set the password, or leave the setting out")
    return secret


def _strong(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value.strip():
        raise ValueError("is empty: anybody could compute its hashes")
    if value != value.strip():
        raise ValueError("starts or ends with white space: the shop's server would hardly use the same secret")
    if len(value.encode()) < SECRET_BYTES_AT_LEAST:
        raise ValueError(f"is too short: a secret needs at least {SECRET_BYTES_AT_LEAST} bytes")
    return secret


Password = Annotated[SecretStr, AfterValidator(_not_blank)]
"""A password that a server has set, so only its absence can be checked."""
StrongSecret = Annotated[SecretStr, AfterValidator(_strong)]
"""A secret of our own that hashes are made with."""
Origin = Annotated[str, Field(pattern=r"^https?://[^\s/?#*]+$")]


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """The broker and the way in."""

    bootstrap: str = "127.0.0.1:9092"
    group: str = "streamseg"
    partitions: int = Field(default=8, ge=1, le=1024)
    """Of the input topics, when `streamseg topics create` makes them."""
    replication: int = Field(default=1, ge=1)
    partitioner: Literal["murmur2"] = "murmur2"
    """How the shop's producers map keys to partitions (Java's default; librdkafka: `murmur2_random`)."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: Password | None = None
    ssl_ca_file: Path | None = None
    ssl_certificate_file: Path | None = None
    ssl_key_file: Path | None = None
    membership_profile: Literal["fast", "rolling"] = "fast"
    """`fast`: dynamic group membership, 6 s session timeout. `rolling`: static, 45 s; a restart moves nothing."""
    instance_id: str | None = None
    """Name of this worker in the group, needed by the `rolling` profile."""

    @model_validator(mode="after")
    def _login_is_complete(self) -> "KafkaSettings":
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"security_protocol = {self.security_protocol} needs sasl_username and sasl_password")
        return self


class RedisSettings(Section):
    """The store. Credentials may stand in `username` and `password` instead of the URL."""

    url: str = "redis://127.0.0.1:6379/0"
    username: str | None = None
    password: Password | None = None
    ssl_ca_file: Path | None = None
    timeout_seconds: Positive = 5.0
    """How long a worker waits for one answer before the store counts as away."""
    failover_margin_seconds: Positive = 30.0
    """How long delivered outbox entries are kept, to be delivered again after a failover."""

    @field_validator("url")
    @classmethod
    def _no_blank_password(cls, value: str) -> str:
        try:
            password = urlsplit(value).password
        except ValueError:
            return value  # the client names what is wrong
        if password is not None and not unquote(password).strip():
            raise ValueError("its password is empty: write one after the colon, or leave the colon out")
        return value

    @property
    def shown_url(self) -> str:
        """The URL as it may be printed: without its password."""
        password = urlsplit(self.url).password
        return self.url if password is None else self.url.replace(f":{password}@", ":**********@", 1)

    @field_serializer("url", when_used="json")
    def _masked(self, _: str) -> str:
        return self.shown_url


class MoneySettings(Section):
    """One currency for all amounts; others are converted at the given rates (units of ours per unit) or rejected."""

    currency: Currency = "EUR"
    minor_units: int = Field(default=2, ge=0, le=4)
    rates: dict[Currency, Positive] = Field(default_factory=dict)
    typical_price: Positive = 30.0
    """Price of an ordinary item: what vectors assume of customers who have seen or bought little."""
    typical_order: Positive = 60.0
    """The same for the value of an order. Neither changes the layout."""


class AttributeSettings(Section):
    """A trait of profiles: one of `values`, or a number (true and false are 1 and 0) when there are none."""

    values: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(default=(), max_length=64)
    """What it may be, compared case-insensitively; anything else counts as missing."""
    typical: float = Field(default=0.0, allow_inf_nan=False)
    """The number that stands for a missing one."""
    skewed: bool = False
    """Whether the number is compared on a logarithmic scale, as incomes and numbers of employees should be."""

    @model_validator(mode="after")
    def _one_kind(self) -> "AttributeSettings":
        if self.values and (self.typical or self.skewed):
            raise ValueError("typical and skewed are of numbers, and this one has values")
        return self


class FeatureSettings(Section):
    """What a row keeps. Another value needs what only the log knows: `streamseg rebuild` makes the rows anew."""

    half_life_days: Positive = 30.0
    """Of the decayed sums that describe habit: counts, spend, shares."""
    recent_half_life_days: Positive = 7.0
    """Of the second, faster set of counts that shows what changed lately."""
    categories: tuple[str, ...] = ()
    """Item categories with a share of their own, compared case-insensitively; the rest is `other`."""
    brand_groups: int | None = Field(default=None, ge=0, le=256)
    """In how many groups brands are counted by their hash, to tell who keeps to one: 4 bytes of a row for each, and the
    more the exacter. Without it as the chosen packs need it, which is not at all for most."""
    time_zone: str = "UTC"
    """In which hour and weekend are counted."""
    remembered_event_ids: int = Field(default=8, ge=0, le=256)
    """How many of a customer's latest event ids are compared to find a producer's duplicates."""
    attributes: dict[Trait, AttributeSettings] = Field(default_factory=dict)
    """Traits of profiles that rows keep, beside those that the chosen packs bring, which are changed by naming them."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no such time zone: {value}") from None
        return value


class SegmentationSettings(Section):
    """One way of grouping all customers. What is not said here is as the pack has it, if one is named."""

    pack: str | None = None
    """A shipped segmentation: what else is set here changes it."""
    features: tuple[str, ...] = Field(default=(), validate_default=True)
    """Names of the catalogue, or patterns: `category_*`."""
    shadow: bool = False
    """Learned and assigned, but in no membership and no change until `streamseg promote`."""
    clusterer: Literal["kmeans", "streamkmeans", "clustream", "dbstream"] = "kmeans"
    k: int = Field(default=6, ge=2, le=64)
    margin: float = Field(default=0.05, ge=0, lt=1)
    """How much nearer the new centre must be, as a share of the distance to the old one."""
    looks: int = Field(default=2, ge=1, le=255)
    """For how many looks in a row it must be nearer."""
    learn_interval_seconds: Positive = 86_400.0
    """A customer's vector is learned at most once in this time of the partition's clock."""
    challenge_interval_seconds: Positive = 86_400.0
    step: float = Field(default=0.003, gt=0, lt=1)
    """River's KMeans `halflife`: the share by which a centre moves towards a learned vector."""
    warm_up_per_cluster: int = Field(default=20, ge=1)
    """Distinct customers per cluster that must be sampled before the first centres are placed."""
    warm_up_events: int = Field(default=20, ge=1)
    """The median number of events that the sampled customers must have by then."""

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
    def _not_refused(cls, value: object) -> object:
        if isinstance(value, str) and value in REFUSED:
            raise ValueError(f"{value} is refused: {REFUSED[value]}")
        return value

    @field_validator("features")
    @classmethod
    def _something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("needs features, or a pack")
        return value


BEHAVIOUR: Final = SegmentationSettings(pack="behaviour")


class MembershipSettings(Section):
    """How long an answer stands."""

    bound_seconds: Positive = 86_400.0
    """No membership is older than this while workers are healthy."""
    ttl_seconds: int = Field(default=30 * 86_400, ge=60)
    """Wall time after which a string that nobody renews vanishes; up to a tenth less per string."""
    retention_seconds: Positive = 730 * 86_400.0
    """Customers without an event for this long leave."""
    ads_smallest_segment: int = Field(default=50, ge=0)
    """Smaller segments do not enter the view of ad servers."""
    unknown_ads_consent: bool = False
    unknown_personalisation_consent: bool = True


class WorkerSettings(Section):
    """How a worker behaves."""

    metrics_port: int | None = Field(default=9108, ge=0, le=65_535)
    metrics_host: str = "127.0.0.1"
    rows_in_memory: int = Field(default=1_000_000, ge=1_000)
    """Customers kept in memory over all partitions; the least recently used leave first."""
    max_poll_records: int = Field(default=8_000, ge=1)
    """Of all partitions together: a run and what is flushed at once are larger only when more is waiting."""
    max_fetch_bytes: int = Field(default=2_097_152, ge=1_024)
    """Of one partition: what its next run is taken from. Held in memory per partition of the worker."""
    learns_per_second: Positive = 10.0
    """Vectors that a partition sends to be learned, per segmentation and second of its clock, after a burst of 2,000:
    a flood of new customers must not swamp the trainer. Ten are 7 million customers a day over 8 partitions."""
    rejected_share_limit: float = Field(default=0.5, gt=0, le=1)
    """The worker stops when more than this share of a topic's latest records is rejected."""
    rejected_share_window: int = Field(default=1_000, ge=10)
    """How many of a topic's latest records the share is taken over."""
    future_limit_seconds: Positive = 300.0
    """How far ahead of its record's timestamp an event may lie."""


class ApiSettings(Section):
    """How the API answers, and whom."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    public_url: HttpAddress | None = None
    """How pages reach the API (`https://segments.shop.example`), where a proxy stands before it; else as they asked."""
    store_timeout_seconds: Positive = 0.1
    """After this long without an answer from the store, the marked empty answer goes out."""
    max_age_seconds: int = Field(default=30, ge=0)
    stale_seconds: int = Field(default=300, ge=0)
    """For how long a client may go on using an answer while it asks anew."""
    allowed_origins: tuple[Origin, ...] = ()
    """Origins (`https://shop.example`, without a path) whose pages may read answers."""
    public_segments: tuple[str, ...] = ()
    """Ids or patterns (`behaviour-*`) of segments that publishable keys may see."""
    identity_secrets: tuple[StrongSecret, ...] = ()
    """Secrets of identity hashes, of at least 16 bytes. All are accepted, so that a new one can be put in front."""
    requests_per_second: Positive = 10_000.0
    requests_per_second_per_key: Positive = 5_000.0
    body_limit_bytes: int = Field(default=65_536, ge=1_024)
    events_limit_bytes: int = Field(default=1_048_576, ge=1_024)
    """Of the body of `POST /v1/events`."""
    streams_limit: int = Field(default=5_000, ge=1)
    """Event streams that one process holds open."""
    streams_per_key: int = Field(default=4_000, ge=1)
    """Of these, opened with one API key."""
    streams_per_customer: int = Field(default=12, ge=1)
    """Of one customer; browsers on which tabs share a stream need one each."""
    streams_per_ticket: int = Field(default=6, ge=1)
    """Of one ticket, which is of one customer, key and day."""
    streams_inactivity_seconds: int = Field(default=120, ge=1)
    """A page that is hidden for so long closes its stream (OFREP: `inactivityDelaySec`)."""
    heartbeat_seconds: Positive = 15.0
    """Between two signs of life on a quiet event stream."""
    leave_seconds: float = Field(default=5.0, ge=0, le=300)
    """Seconds from SIGTERM, when `/readyz` turns 503, to the end of the listener: longer than two probes."""
    ads_provider: str = "streamseg"
    """`data.name` in OpenRTB: best the shop's domain."""
    iab_audiences: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Ids of the IAB Audience Taxonomy 1.1 by segment id; sent with `segtax` 4."""


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, toml_file="streamseg.toml"
    )

    clock: Literal["wall", "event"] = "wall"
    """`event` for replays, simulations and the demo: now is the latest event time of the partition."""
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    money: MoneySettings = MoneySettings()
    features: FeatureSettings = FeatureSettings()
    segmentations: dict[Name, SegmentationSettings] = Field(default_factory=lambda: {"behaviour": BEHAVIOUR})
    membership: MembershipSettings = MembershipSettings()
    worker: WorkerSettings = WorkerSettings()
    api: ApiSettings = ApiSettings()

    @model_validator(mode="after")
    def _rolling_needs_a_name(self) -> "Settings":
        if self.kafka.membership_profile == "rolling" and not self.kafka.instance_id:
            raise ValueError("kafka.membership_profile = rolling needs kafka.instance_id")
        return self

    @property
    def attributes(self) -> dict[str, AttributeSettings]:
        """All traits that rows keep, by name: those of the chosen packs, as the settings change and complete them."""
        brought = {
            trait: AttributeSettings.model_validate(declared)
            for one in self.segmentations.values()
            if one.pack is not None
            for trait, declared in pack(one.pack).attributes.items()
        }
        return brought | self.features.attributes

    @property
    def brand_groups(self) -> int:
        """In how many groups brands are counted: as set, else the most that a chosen pack asks for."""
        if self.features.brand_groups is not None:
            return self.features.brand_groups
        asked = (pack(one.pack).features for one in self.segmentations.values() if one.pack is not None)
        return max((int(features.get("brand_groups", 0)) for features in asked), default=0)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of precedence; no .env file, which nobody would look for."""
        return init_settings, env_settings, file_secret_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None = None, **given: object) -> Settings:
    """Read the settings; `given` are those of the command line.

    Raises `SettingsError` with one line that names the first wrong setting and why.
    """
    if file is not None and not file.is_file():
        raise SettingsError(f"settings file {file} is not there")
    for name in os.environ:
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_"):
            known = name.removeprefix(PREFIX).partition("__")[0].lower()
            if known not in Settings.model_fields:
                near = get_close_matches(known, Settings.model_fields, 1)
                meant = f"; is {PREFIX}{near[0].upper()}... meant?" if near else ""
                raise SettingsError(f"environment variable {name} is no setting{meant}")
    chosen: type[Settings] = Settings
    if file is not None:
        chosen = type("Settings", (Settings,), {"model_config": {**Settings.model_config, "toml_file": file}})
    try:
        return chosen(**given)  # type: ignore[arg-type]  # names and values are checked right here
    except ValidationError as error:
        raise SettingsError(_first_of(error)) from None
    except PydanticSettingsError as error:  # an environment variable for a list or a table
        table = str(error).split('"')[1].upper()
        raise SettingsError(f"environment variable {PREFIX}{table}...: a list or a table must be JSON") from None
    except ValueError as error:
        raise SettingsError(f"settings file: {error}") from None


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    *tables, name = (str(part) for part in first["loc"]) if first["loc"] else ["settings"]
    where = ".".join([*tables, name])
    if first["type"] != "extra_forbidden":
        return f"setting {where}: {first['msg'].removeprefix('Value error, ')}"
    known: type[BaseModel] | None = Settings
    for table in tables:
        found = known.model_fields.get(table) if known is not None else None
        known = found.annotation if found is not None and isinstance(found.annotation, type) else None
    near = get_close_matches(name, known.model_fields, 1) if known is not None else []
    meant = f"; is {'.'.join([*tables, near[0]])} meant?" if near else ""
    return f"setting {where}: there is no such setting{meant}"
