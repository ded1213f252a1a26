"""The tables of the settings file, with every setting, its default and its meaning.

Times are in seconds unless the name says otherwise; shares are between 0 and 1.
"""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_serializer, field_validator, model_validator

from streamseg.clustering.params import REFUSED
from streamseg.errors import SettingsError
from streamseg.packs import pack
from streamseg.settings.addresses import check_bootstrap, check_redis_url
from streamseg.settings.currencies import check_currency
from streamseg.settings.secrets import Password, StrongSecret, check_url_password
from streamseg.settings.toml_table import FORMATS, TimeZone, TomlTable

NAME: Final = r"^[a-z][a-z0-9_]{0,31}$"
HTTP_ADDRESS: Final = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"
ORIGIN: Final = r"^https?://[^\s/?#*]+$"
FORMATS.update(
    {
        NAME: "must be 1-32 small letters, digits and underscores, a letter first",
        HTTP_ADDRESS: "must be an address such as https://segments.shop.example",
        ORIGIN: "must be an origin such as https://shop.example, without a path",
    }
)

Name = Annotated[str, Field(pattern=NAME)]
Currency = Annotated[str, AfterValidator(check_currency)]
"""Code of a currency that is in use, by ISO 4217."""
Trait = Annotated[str, Field(min_length=1, max_length=64)]
Positive = Annotated[float, Field(gt=0)]
HttpAddress = Annotated[str, Field(pattern=HTTP_ADDRESS)]
Origin = Annotated[str, Field(pattern=ORIGIN)]


class KafkaSettings(TomlTable):
    """The broker, and how this process connects to it."""

    bootstrap: Annotated[str, AfterValidator(check_bootstrap)] = "127.0.0.1:9092"
    """Brokers to start from, as `host:port`, separated by commas."""
    group: str = "streamseg"
    """Consumer group of the workers."""
    partitions: int = Field(default=8, ge=1, le=1024)
    """Partitions of each input topic that `streamseg topics create` makes."""
    replication: int = Field(default=1, ge=1)
    """Replicas of each partition that `streamseg topics create` makes."""
    partitioner: Literal["murmur2"] = "murmur2"
    """How producers map keys to partitions: Java's default; in librdkafka `murmur2_random`."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to connect: with or without TLS, with or without a login."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How to log in, with a SASL protocol."""
    sasl_username: str | None = None
    """User name of the login."""
    sasl_password: Password | None = None
    """Password of the login."""
    ssl_ca_file: Path | None = None
    """Certificates (PEM) of the authorities to trust. None: those of the system."""
    ssl_certificate_file: Path | None = None
    """Certificate (PEM) of this process, for brokers that ask for one."""
    ssl_key_file: Path | None = None
    """Private key (PEM) of that certificate."""
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    """`read_committed` leaves out records of aborted transactions, and waits for open ones."""
    membership_profile: Literal["fast", "rolling"] = "fast"
    """`fast`: dynamic group membership, session timeout 6 s. `rolling`: static group membership, session timeout
    45 s; a restart within that time moves no partition."""
    instance_id: str | None = None
    """Name of this worker in the group, unique and stable. The `rolling` profile needs it."""

    @model_validator(mode="after")
    def _login_is_complete(self) -> "KafkaSettings":
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"security_protocol = {self.security_protocol} needs sasl_username and sasl_password")
        return self


class RedisSettings(TomlTable):
    """The store. Credentials can be given in `username` and `password` instead of the URL."""

    url: Annotated[str, AfterValidator(check_redis_url), AfterValidator(check_url_password)] = (
        "redis://127.0.0.1:6379/0"
    )
    """`redis://`, `rediss://` (TLS) or `unix://`; `redis+cluster://` or `rediss+cluster://` for a Cluster."""
    username: str | None = None
    """User name of the login."""
    password: Password | None = None
    """Password of the login."""
    ssl_ca_file: Path | None = None
    """Certificates (PEM) of the authorities to trust. None: those of the system."""
    timeout_seconds: Positive = 5.0
    """A worker treats the store as unavailable when a reply takes longer."""
    failover_margin_seconds: Positive = 30.0
    """How long delivered outbox entries are kept, to deliver them again after a failover."""

    @property
    def shown_url(self) -> str:
        """The URL with its password masked, safe to print."""
        password = urlsplit(self.url).password
        return self.url if password is None else self.url.replace(f":{password}@", ":**********@", 1)

    @field_serializer("url", when_used="json")
    def _masked(self, _: str) -> str:
        return self.shown_url


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
    typical: float = Field(default=0.0, allow_inf_nan=False)
    """The number to assume where the attribute is missing."""
    skewed: bool = False
    """Compare the number on a logarithmic scale, for example an income or a number of employees."""

    @model_validator(mode="after")
    def _check_kind(self) -> "AttributeSettings":
        if self.values and (self.typical or self.skewed):
            raise ValueError("typical and skewed are for numbers, but this attribute has values")
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
    features: tuple[str, ...] = Field(default=(), validate_default=True)
    """Names from the feature catalogue, or patterns such as `category_*`."""
    shadow: bool = False
    """Learn and assign, but publish nothing before `streamseg promote`."""
    clusterer: Literal["kmeans", "streamkmeans", "clustream", "dbstream"] = "kmeans"
    """Algorithm that learns the centres; all are from River."""
    k: int = Field(default=6, ge=2, le=64)
    """Number of clusters."""
    margin: float = Field(default=0.05, ge=0, lt=1)
    """Settling: how much nearer a new centre must be, as a share of the distance to the old one."""
    looks: int = Field(default=2, ge=1, le=255)
    """Settling: number of consecutive looks at which the new centre must be nearer."""
    learn_interval_seconds: Positive = 86_400.0
    """A customer's vector is learned at most once in this time, by the partition's clock."""
    challenge_interval_seconds: Positive = 86_400.0
    """Time between two challenges, which compare the current centres with newly computed ones."""
    step: float = Field(default=0.003, gt=0, lt=1)
    """Share by which a centre moves towards a learned vector (`halflife` of River's KMeans)."""
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

    @field_validator("features")
    @classmethod
    def _check_features(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("needs features, or a pack")
        return value


BEHAVIOUR: Final = SegmentationSettings(pack="behaviour")
"""The segmentation `behaviour`, used when the settings name none."""


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


class WorkerSettings(TomlTable):
    """Limits and ports of a worker."""

    metrics_port: int | None = Field(default=9108, ge=0, le=65_535)
    """Port of the Prometheus metrics; 0: any free port; None: no metrics."""
    metrics_host: str = "127.0.0.1"
    """Address that the Prometheus metrics are served on."""
    rows_in_memory: int = Field(default=1_000_000, ge=1_000)
    """Customers kept in memory, over all partitions. The least recently used are evicted first."""
    max_poll_records: int = Field(default=8_000, ge=1)
    """Records per poll, over all partitions: the greatest size of a run."""
    max_fetch_bytes: int = Field(default=2_097_152, ge=1_024)
    """Bytes fetched per partition and request. They are held in memory until its runs have taken them."""
    learns_per_second: Positive = 10.0
    """Vectors that a partition samples for learning, per segmentation and second of its clock, after a burst of 2,000.
    This protects the trainer from a flood of new customers. 10 are 7 million customers a day on 8 partitions."""
    rejected_share_limit: float = Field(default=0.5, gt=0, le=1)
    """The worker stops when it rejects a larger share of a topic's latest records."""
    rejected_share_window: int = Field(default=1_000, ge=10)
    """Number of latest records per topic over which that share is taken."""
    future_limit_seconds: Positive = 300.0
    """An event that occurred later than its record's timestamp plus this time is rejected."""
    event_clock_step_seconds: Positive = 86_400.0
    """One record moves the event clock this far at most. A time further ahead counts once three records support it."""


class ApiSettings(TomlTable):
    """How the API answers, and to whom."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    public_url: HttpAddress | None = None
    """Address of the API as pages see it (`https://segments.shop.example`) behind a proxy. None: the address of the
    request."""
    store_timeout_seconds: Positive = 0.1
    """The API sends an empty answer, marked as such, when the store takes longer."""
    max_age_seconds: int = Field(default=30, ge=0)
    """How long clients may cache an answer."""
    stale_seconds: int = Field(default=300, ge=0)
    """How long clients may use an expired answer while they fetch a new one."""
    allowed_origins: tuple[Origin, ...] = ()
    """Origins (`https://shop.example`, without a path) whose pages may read answers."""
    public_segments: tuple[str, ...] = ()
    """Ids or patterns (`behaviour-*`) of the segments that publishable keys may read."""
    identity_secrets: tuple[StrongSecret, ...] = ()
    """Secrets of identity hashes, at least 16 bytes each. All are accepted; to rotate, put the new one first."""
    requests_per_second: Positive = 10_000.0
    """Requests per second and process."""
    requests_per_second_per_key: Positive = 5_000.0
    """Requests per second, process and API key."""
    body_limit_bytes: int = Field(default=65_536, ge=1_024)
    """Greatest size of a request body."""
    events_limit_bytes: int = Field(default=1_048_576, ge=1_024)
    """Greatest size of the body of `POST /v1/events`."""
    streams_limit: int = Field(default=5_000, ge=1)
    """Open event streams per process."""
    streams_per_key: int = Field(default=4_000, ge=1)
    """Open event streams per process and API key."""
    streams_per_customer: int = Field(default=12, ge=1)
    """Open event streams per process and customer. The tabs of a browser share one."""
    streams_per_ticket: int = Field(default=6, ge=1)
    """Open event streams per process and ticket, which is of one customer, key and day."""
    streams_inactivity_seconds: int = Field(default=120, ge=1)
    """A page that is hidden for this long closes its stream (OFREP: `inactivityDelaySec`)."""
    heartbeat_seconds: Positive = 15.0
    """Time between two heartbeats on a quiet event stream."""
    leave_seconds: float = Field(default=5.0, ge=0, le=300)
    """Time from SIGTERM, when `/readyz` turns 503, to the end of the listener: longer than two probes."""
    ads_provider: str = "streamseg"
    """`data.name` in OpenRTB; use the shop's domain."""
    iab_audiences: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Ids of the IAB Audience Taxonomy 1.1 by segment id, sent with `segtax` 4."""
