"""The tables of the settings file about the servers: how to reach Kafka and Redis."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_serializer, model_validator

from streamseg.settings.addresses import check_bootstrap, check_redis_url
from streamseg.settings.secrets import Password, check_url_password
from streamseg.settings.toml_table import Positive, TomlTable

MASK: Final = "*" * 10


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
    gathering_seconds: float = Field(default=0.02, ge=0.001, le=1.0)
    """How long the broker gathers records for a worker, at most: less where they are many. With longer, a worker with
    few events takes less CPU, and each event waits longer."""
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
    """`redis://`, `rediss://` (TLS) or `unix://`; `redis+cluster://` of a Cluster, `redis+sentinel://` of Sentinels."""
    username: str | None = None
    """User name of the login."""
    password: Password | None = None
    """Password of the login."""
    ssl_ca_file: Path | None = None
    """Certificates (PEM) of the authorities to trust. None: those of the system."""
    sentinel_username: str | None = None
    """User name of the login at the Sentinels, which have logins of their own."""
    sentinel_password: Password | None = None
    """Password of the login at the Sentinels."""
    timeout_seconds: Positive = 5.0
    """A worker treats the store as unavailable when a reply takes longer."""
    failover_margin_seconds: Positive = 30.0
    """How long delivered outbox entries are kept, to deliver them again after a failover."""

    @model_validator(mode="after")
    def _sentinels_are_named(self) -> "RedisSettings":
        if (self.sentinel_username or self.sentinel_password) and "+sentinel" not in urlsplit(self.url).scheme:
            raise ValueError("sentinel_username and sentinel_password need a redis+sentinel:// url")
        if self.sentinel_username and not self.sentinel_password:
            raise ValueError("sentinel_username needs sentinel_password")
        return self

    @property
    def shown_url(self) -> str:
        """The URL with its password masked, before the host and among the options, safe to print."""
        password = urlsplit(self.url).password
        url = self.url if password is None else self.url.replace(f":{password}@", f":{MASK}@", 1)
        return re.sub(r"(?<=[?&]password=)[^&#]+", MASK, url)

    @field_serializer("url", when_used="json")
    def _masked(self, _: str) -> str:
        return self.shown_url
