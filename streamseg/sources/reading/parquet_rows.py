"""Read the rows of Parquet files."""

from collections.abc import Iterator
from typing import IO, Any

from streamseg.errors import SettingsError


def parquet_rows(stream: IO[bytes]) -> Iterator[tuple[int, list[Any]]]:
    """Yield the column names as row 0, then the rows, numbered from 1.

    Raises:
        SettingsError: the extra `parquet` is not installed.
    """
    try:
        from pyarrow import parquet  # noqa: PLC0415  optional dependency
    except ModuleNotFoundError:
        raise SettingsError("reading Parquet needs an extra: pip install 'streamseg[parquet]'") from None
    file = parquet.ParquetFile(stream)
    yield 0, list(file.schema_arrow.names)
    number = 0
    for batch in file.iter_batches():
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            yield number, list(row)
