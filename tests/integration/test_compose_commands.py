"""What docker-compose.yml starts, without an engine: Redis with its options, and our one-off commands. Issue 15."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from streamseg.embedded import RedisServer
from tests.support.processes import STREAMSEG

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_redis_starts_with_the_options_of_its_container(start_redis_server: Callable[..., RedisServer]) -> None:
    program, *options = map(str, SERVICES["redis"]["command"])
    assert program == "redis-server"
    with redis.Redis.from_url(start_redis_server(*options).url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("auto-aof-rewrite-min-size") == {"auto-aof-rewrite-min-size": str(2**30)}
        assert client.config_get("save") == {"save": ""}


def test_the_one_off_commands_run_in_their_order_and_again(
    kafka_bootstrap: str, start_redis_server: Callable[..., RedisServer], tmp_path: Path
) -> None:
    from tests.support.kafka.topics import delete_topics

    delete_topics(kafka_bootstrap)
    servers = {"kafka:19092": kafka_bootstrap, "redis://redis:6379/0": start_redis_server().url}
    for _ in range(2):
        for name in ("topics", "key"):
            service = SERVICES[name]
            given = {
                variable: servers.get(value, re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)))
                for variable, value in service["environment"].items()
            }
            source = service["volumes"][0].partition(":")[0]
            (tmp_path / "streamseg.toml").write_text((ROOT / source).read_text())
            done = subprocess.run(
                [*STREAMSEG, *map(str, service["command"])],
                env=os.environ | given | {"PYTHONPATH": str(ROOT)},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
