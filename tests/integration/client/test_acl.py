"""deploy/redis/readers.acl permits reading only, and opens to nobody before it has passwords."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from streamseg.client import Reader
from streamseg.embedded import RedisServer
from streamseg.embedded.child import ServerError

pytestmark = pytest.mark.integration

ACL = Path("deploy/redis/readers.acl")


def test_the_documented_acl_permits_reading_and_nothing_else(
    clean_redis: str, store: redis.Redis, acl_users: dict[str, Any]
) -> None:
    for name, view in (("bidder", "ads"), ("service", "membership")):
        url = clean_redis.replace("redis://", f"redis://{name}:{acl_users[name]}@")
        with Reader(url, view=view) as reader:
            reader.one("c-81")
        with redis.Redis.from_url(url) as client:
            for forbidden in (
                ["GET", "ssg:v1:m:c-81" if name == "bidder" else "ssg:v1:a:c-81"],
                ["SET", "ssg:v1:a:c-81", "forged"],
                ["KEYS", "*"],
                ["HGETALL", "ssg:v1:keys"],
                ["PUBLISH", "ssg:v1:m:c-81", ""],
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    execute(client, *forbidden)


def execute(client: redis.Redis, *command: str) -> Any:
    return client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types for it


@pytest.fixture
def acl_users(store: redis.Redis) -> Iterator[dict[str, str]]:
    """The users of deploy/redis/readers.acl, on the test's server."""
    users = {}
    for line in ACL.read_text().splitlines():
        if line.startswith("user "):
            _, name, *rules = line.split()
            users[name] = "secret"
            execute(store, "ACL", "SETUSER", name, "reset", ">secret", *(rule for rule in rules if rule[0] != "#"))
    yield users
    for name in users:
        execute(store, "ACL", "DELUSER", name)


def test_the_shipped_acl_opens_to_nobody(store: redis.Redis) -> None:
    """Issue 13, item 24: it had the hash of the empty password."""
    for line in ACL.read_text().splitlines():
        if line.startswith("user "):
            _, name, *rules = line.split()
            with pytest.raises(redis.exceptions.ResponseError, match="Error in ACL SETUSER"):
                execute(store, "ACL", "SETUSER", name, "reset", *rules)
            execute(store, "ACL", "DELUSER", name)


@pytest.mark.parametrize("lines", ["all", "users"])
def test_a_redis_with_the_shipped_acl_does_not_start_before_it_has_passwords(
    start_redis_server: Callable[..., RedisServer], tmp_path: Path, lines: str
) -> None:
    """Issue 13, item 24."""
    text = ACL.read_text()
    if lines == "users":
        text = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("user "))
    (tmp_path / "users.acl").write_text(text)
    with pytest.raises(ServerError, match="Aborting Redis startup because of ACL errors"):
        start_redis_server("--aclfile", str(tmp_path / "users.acl"))


@pytest.mark.parametrize("name", ["bidder", "service"])
def test_with_a_line_made_as_documented_only_its_password_opens(
    start_redis_server: Callable[..., RedisServer], tmp_path: Path, name: str
) -> None:
    """Issue 13, item 24: AUTH with an empty password fails."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    shutil.copy(ACL, tmp_path)
    steps = re.findall(r"^#     (.*)$", ACL.read_text(), re.MULTILINE)
    script = "\n".join(steps).replace("user bidder ", f"user {name} ")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    password, users = done.stdout.strip(), tmp_path / "users.acl"
    with users.open("a") as file:
        file.write("user default on nopass ~* &* +@all\n")
    with redis.Redis.from_url(start_redis_server("--aclfile", str(users)).url) as client:
        assert execute(client, "AUTH", name, password) in (True, b"OK")
        for guess in ("", "SHA-256-OF-THE-PASSWORD", "readers"):
            with pytest.raises(redis.exceptions.AuthenticationError):
                execute(client, "AUTH", name, guess)
