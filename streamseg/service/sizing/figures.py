"""The figures that sizes are computed from: measured ones and a price list, which a person can replace."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from streamseg.errors import SettingsError

Figures = TypeVar("Figures", bound=msgspec.Struct)


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Costs on one machine. CPU in microseconds, sizes in bytes; the file names the command that made each."""

    worker_us_per_event: float
    redis_us_per_event: float
    kafka_us_per_event: float
    worker_us_per_miss: float
    """More, when the row has to be loaded from Redis."""
    worker_us_per_swept_row: float
    worker_us_per_string: float
    """Of one membership string, on a single server."""
    cluster_worker_us_per_string: float
    redis_us_per_string: float
    cluster_redis_us_per_string: float
    record_bytes: float
    """Of one event in Kafka, compressed as producers send it."""
    redis_bytes_per_customer: float
    row_bytes: float
    """Of one row in a flush."""
    string_bytes: float
    worker_bytes: float
    """Of a worker without rows."""
    worker_bytes_per_row: float
    """Of a row in memory."""
    strings_per_event: float
    """Share of events that change a membership."""


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices of a month, in `currency`, and the largest machine of a Redis shard."""

    currency: str
    core: float
    gib_memory: float
    gib_disk: float
    gib_traffic: float
    """Between zones."""
    shard_gib: float
    """Memory of the largest machine that a Redis server should have."""


def read_measured(file: Path | None = None) -> Measured:
    """Return the figures of a file, None for those that are shipped. Raises `SettingsError`."""
    return _read(file, "measured.toml", Measured)


def read_prices(file: Path | None = None) -> Prices:
    """Return the price list of a file, None for the example that is shipped. Raises `SettingsError`."""
    return _read(file, "prices.toml", Prices)


def _read(file: Path | None, shipped: str, kind: type[Figures]) -> Figures:
    try:
        text = (
            resources.files("streamseg.service.sizing").joinpath(shipped).read_text()
            if file is None
            else file.read_text()
        )
        return msgspec.convert(_flat(tomllib.loads(text)), kind, strict=False)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise SettingsError(f"{file or shipped}: {error}") from None


def _flat(tables: dict[str, Any]) -> dict[str, Any]:
    """Merge the tables: each names in `made_by` the command that made its figures."""
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        flat |= (
            {key: one for key, one in value.items() if key != "made_by"} if isinstance(value, dict) else {name: value}
        )
    return flat
