"""What a worker on this machine has counted."""

from typing import Final
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

ANSWER_SECONDS: Final = 30.0
"""A loaded worker takes its time."""


def counted(port: int, name: str) -> int:
    """Return a counter of `/metrics`, by its name without `_total`; the sum over its labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=ANSWER_SECONDS) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return sum(int(one.value) for family in families for one in family.samples if one.name == f"{name}_total")
