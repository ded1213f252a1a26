"""The tables of the settings file about the processes: limits and ports of a worker and of the API."""

from typing import Annotated, Final

from pydantic import Field, model_validator

from streamseg.ports import ConsoleRole
from streamseg.settings.secrets import Password, StrongSecret
from streamseg.settings.toml_table import Positive, TomlTable
from streamseg.wrong_values import FORMATS

HTTP_ADDRESS: Final = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"
ORIGIN: Final = r"^https?://[^\s/?#*]+$"
FORMATS[HTTP_ADDRESS] = "must be an address such as https://segments.shop.example"
FORMATS[ORIGIN] = "must be an origin such as https://shop.example, without a path"

PROVIDER_ADDRESS: Final = r"^(https://[^\s/?#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)(/[^\s?#]*)?$"
FORMATS[PROVIDER_ADDRESS] = "must be an address such as https://login.shop.example, with TLS unless it is this machine"

HttpAddress = Annotated[str, Field(pattern=HTTP_ADDRESS)]
Origin = Annotated[str, Field(pattern=ORIGIN)]
ProviderAddress = Annotated[str, Field(pattern=PROVIDER_ADDRESS)]


class WorkerSettings(TomlTable):
    """Limits and ports of a worker."""

    metrics_port: int | None = Field(default=9108, ge=0, le=65_535)
    """Port of the Prometheus metrics; 0: any free port; None: no metrics."""
    metrics_host: str = "127.0.0.1"
    """Address that the Prometheus metrics are served on."""
    probe_interval_seconds: float = Field(default=5.0, ge=0, le=3_600)
    """Time between two probes of a partition, which show on the dashboards that its path works; 0: none."""
    trace_endpoint: HttpAddress | None = None
    """OpenTelemetry collector that gets the spans of sampled events (OTLP over HTTP, `http://collector:4318`). None: no
    traces. Needs the extra `otel`."""
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
    public_audiences: tuple[str, ...] = ()
    """Ids or patterns of the audiences for content that publishable keys may read, once they have their minimum
    size."""
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


class OpenIdSettings(TomlTable):
    """A provider at which people log in to the console (OpenID Connect, authorization code with PKCE)."""

    issuer: ProviderAddress
    """The provider's name as its discovery document has it: `https://login.shop.example/realms/shop`."""
    client_id: str = Field(min_length=1)
    """Name of the console at the provider. It sends people back to `console.public_url` plus `/login/openid/return`."""
    client_secret: Password
    """Secret of the console at the provider."""
    name: str = Field(default="OpenID Connect", min_length=1, max_length=40)
    """What the button to log in says: the provider as people know it."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What the provider is asked for; `openid` is among them."""
    role_claim: str = "roles"
    """Claim of the identity token that decides the role, with dots for what is inside others (`realm_access.roles`)."""
    roles: dict[str, ConsoleRole] = Field(min_length=1)
    """Role by value of that claim; of several values that a person has, the first in this table decides. Who has none
    is not let in."""
    session_seconds: int = Field(default=28_800, ge=60, le=604_800)
    """How long a login holds. The provider is not asked meanwhile: who loses an account there is here until then."""

    @model_validator(mode="after")
    def _asks_for_openid(self) -> "OpenIdSettings":
        if "openid" not in self.scopes:
            raise ValueError('scopes must have "openid"')
        return self


class ConsoleSettings(TomlTable):
    """Where the console is served, and how sessions are signed."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8090, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    public_url: HttpAddress | None = None
    """Address of the console as browsers see it (`https://console.shop.example`) behind a proxy. With https, cookies
    are sent over TLS only. None: that of the request."""
    session_secrets: tuple[StrongSecret, ...] = ()
    """Secrets that sign sessions, at least 16 bytes each; the first signs, all are accepted. Several processes need the
    same. None: a random one of each process, so that a restart ends all sessions."""
    streams_limit: int = Field(default=500, ge=1)
    """Pages that are kept up to date at the same time, per process."""
    openid: OpenIdSettings | None = None
    """A provider at which people log in, beside the login with keys. Needs `public_url`."""

    @model_validator(mode="after")
    def _provider_knows_the_way_back(self) -> "ConsoleSettings":
        if self.openid is not None and self.public_url is None:
            raise ValueError("openid needs public_url: the provider sends people back there")
        return self
