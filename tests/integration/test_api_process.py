"""`streamseg api` as a process: keys, outages, logs, and its end."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
import redis

from streamseg.embedded import RedisServer
from tests.support.api import ApiProcess, put_membership, run_command
from tests.support.served_api import membership_of

pytestmark = pytest.mark.integration


def make_key(url: str, *options: str) -> str:
    made = run_command("keys", "create", "shop", *options, "--json", environment={"STREAMSEG_REDIS__URL": url})
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["key"])


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_keys_are_created_rotated_without_a_gap_and_revoked(clean_redis: str) -> None:
    environment = {"STREAMSEG_REDIS__URL": clean_redis}
    first = make_key(clean_redis)
    path = "/v1/customers/c-81/segments"
    with ApiProcess(clean_redis) as api, httpx.Client(base_url=api.address) as client:
        assert client.get(path, headers=bearer(first)).status_code == 200
        rotated = json.loads(run_command("keys", "rotate", "shop", "--json", environment=environment).stdout)
        until(lambda: client.get(path, headers=bearer(rotated["key"])).status_code == 200)
        assert client.get(path, headers=bearer(first)).status_code == 200
        listed = run_command("keys", "list", "--json", environment=environment).stdout
        old, new = json.loads(listed)["keys"]
        assert (new["id"], new["expires"], old["expires"] > time.time()) == (rotated["id"], None, True)
        assert first not in listed
        assert run_command("keys", "revoke", old["id"], environment=environment).returncode == 0
        until(lambda: client.get(path, headers=bearer(first)).status_code == 401)
        assert client.get(path, headers=bearer(rotated["key"])).status_code == 200
    with redis.Redis.from_url(clean_redis) as stored:
        kept = b"".join(stored.hgetall("ssg:v1:keys").values())
    assert first.encode() not in kept
    assert rotated["key"].encode() not in kept
    assert run_command("keys", "revoke", "key-none", environment=environment).returncode == 1


def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_logs_name_no_customer_and_no_key(clean_redis: str) -> None:
    key = make_key(clean_redis)
    with ApiProcess(clean_redis) as api:
        with httpx.Client(base_url=api.address, headers=bearer(key)) as client:
            client.get("/v1/customers/c-secret/segments")
            client.get("/nowhere/c-secret")
            client.post("/v1/events", json={"kind": "click", "event": {"customer_id": "c-secret"}})
        assert api.stop() == 0
    log = "".join(api.log)
    assert "c-secret" not in log
    assert key not in log


def test_a_store_killed_under_load_gives_marked_answers_and_no_request_hangs(
    start_redis_server: Callable[[], RedisServer],
) -> None:
    server = start_redis_server()
    key = make_key(server.url)
    with redis.Redis.from_url(server.url) as client:
        put_membership(client, membership_of("c-81"))
    answers: Counter[tuple[int, str]] = Counter()
    slowest = 0.0
    ended = threading.Event()

    def load(address: str) -> None:
        nonlocal slowest
        with httpx.Client(base_url=address, headers=bearer(key), timeout=10) as asker:
            while not ended.is_set():
                started = time.monotonic()
                answer = asker.get("/v1/customers/c-81/segments")
                slowest = max(slowest, time.monotonic() - started)
                known = "" if answer.json().get("known", True) else "empty"
                answers[answer.status_code, answer.headers.get("streamseg-unavailable", "") + known] += 1

    with ApiProcess(server.url) as api:
        loads = [threading.Thread(target=load, args=(api.address,)) for _ in range(4)]
        for each in loads:
            each.start()
        time.sleep(1)
        server.kill()
        time.sleep(2)
        server.start()
        before = answers[200, ""]
        until(lambda: answers[200, ""] + answers[200, "empty"] > before + 50, 10)
        ended.set()
        for each in loads:
            each.join()
    assert set(answers) <= {(200, ""), (200, "empty"), (503, "storeempty")}, answers
    assert answers[503, "storeempty"] > 20
    assert slowest < 2, "a request hung"
