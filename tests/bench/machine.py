"""The machine and the versions that a result was measured with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import redis

from tests.bench.testbed import Testbed
from tests.support.kafka.server import VERSION

PACKAGES: Final = ("streamseg", "faust-streaming", "aiokafka", "confluent-kafka", "redis", "numpy", "river", "msgspec")


def machine() -> dict[str, Any]:
    """Operating system, processor, memory in bytes and the present load average."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else ""
    return {
        "system": platform.platform(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions(testbed: Testbed) -> dict[str, str]:
    """Versions of Python, the servers and the main packages."""
    with redis.Redis.from_url(testbed.redis.url) as client:
        server = str(client.info("server")["redis_version"])
    packages = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "kafka": VERSION, "redis-server": server} | packages
