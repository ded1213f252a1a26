"""Issue 13, item 23: exit codes are one table for all commands: 0 right, 1 not so, 2 usage or settings, 3 away."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamseg.commands import COMMANDS, EXIT_CODES

pytestmark = pytest.mark.integration

AWAY = {"STREAMSEG_KAFKA__BOOTSTRAP": "127.0.0.1:1", "STREAMSEG_REDIS__URL": "redis://127.0.0.1:1"}
EVENT = (
    '{"kind":"click","event_id":"e-1","customer_id":"c-1","occurred_at":"2026-11-01T10:00:00Z",'
    '"event_name":"view_item"}\n'
)

USES_A_SERVER = {
    "advise-k": ("advise-k",),
    "audit": ("audit",),
    "dead-letters": ("dead-letters", "list"),
    "dead-letters redrive": ("dead-letters", "redrive"),
    "demo": ("demo", "--redis", "redis://127.0.0.1:1"),
    "demo --kafka": ("demo", "--kafka", "127.0.0.1:1"),
    "demo --remove": ("demo", "--remove", "--redis", "redis://127.0.0.1:1"),
    "evaluate": ("evaluate", "--truth", "truth.csv"),
    "keys": ("keys", "list"),
    "keys create": ("keys", "create", "shop"),
    "lists": ("lists",),
    "lists add": ("lists", "add", "vip", "list.txt"),
    "lists drop": ("lists", "drop", "vip"),
    "lists show": ("lists", "show", "vip"),
    "lookup": ("lookup", "c-1"),
    "promote": ("promote", "extra"),
    "rebuild": ("rebuild",),
    "replay": ("replay", "events.jsonl"),
    "replay --wait": ("replay", "events.jsonl", "--wait"),
    "audiences": ("audiences",),
    "audiences add": ("audiences", "add", "audiences.toml"),
    "audiences drop": ("audiences", "drop", "readers"),
    "audiences members": ("audiences", "members", "readers"),
    "audiences preview": ("audiences", "preview", "audiences.toml"),
    "overlap": ("overlap",),
    "segments": ("segments",),
    "segments diff": ("segments", "diff", "extra"),
    "segments drop": ("segments", "drop", "extra"),
    "segments rename": ("segments", "rename", "behaviour-k7q2", "Best"),
    "simulate": ("simulate", "--customers", "10", "--days", "2"),
    "status": ("status",),
    "topics": ("topics", "create"),
    "topics check": ("topics", "check"),
    "verify": ("verify",),
    "webhooks": ("webhooks", "list"),
    "webhooks add": ("webhooks", "add", "crm", "https://crm.example/hook"),
    "worker": ("worker",),
}
"""Commands that end when a server is away. `api` and `webhooks run` serve on, and wait for it."""

WITHOUT_SERVER = {"bench", "check-config", "features", "fuzz", "schemas", "settings", "size"}
NEEDS_OPTIONS = {"size": ("size", "--customers", "1M", "--events-per-second", "1k")}
SERVES_ON = {"api", "console"}

UNKNOWN = {
    "advise-k": ("advise-k", "nobody"),
    "audiences drop": ("audiences", "drop", "nobody"),
    "audiences members": ("audiences", "members", "nobody"),
    "audiences show": ("audiences", "show", "nobody"),
    "evaluate": ("evaluate", "--truth", "truth.csv", "--segmentation", "nobody"),
    "keys revoke": ("keys", "revoke", "key-none"),
    "keys rotate": ("keys", "rotate", "nobody"),
    "lists drop": ("lists", "drop", "nobody"),
    "lists show": ("lists", "show", "nobody"),
    "lookup": ("lookup", "nobody"),
    "promote": ("promote", "nobody"),
    "segments diff": ("segments", "diff", "nobody"),
    "segments drop": ("segments", "drop", "nobody"),
    "segments rename": ("segments", "rename", "behaviour-none", "Best"),
    "webhooks remove": ("webhooks", "remove", "nobody"),
    "webhooks retry": ("webhooks", "retry", "nobody"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events.jsonl").write_text(EVENT)
    (tmp_path / "audiences.toml").write_text(
        '[[audience]]\nid = "readers"\nname = "Readers"\npurpose = "content"\nrule = { event = "visit" }\n'
    )
    (tmp_path / "list.txt").write_text("c-1\n")
    (tmp_path / "truth.csv").write_text("customer_id,label\nc-1,a\n")
    (tmp_path / "streamseg.toml").write_text(
        '[segmentations.behaviour]\npack = "behaviour"\n[segmentations.extra]\npack = "value"\nshadow = true\n'
    )
    return tmp_path


def end(folder: Path, environment: Mapping[str, str], *arguments: str) -> tuple[int, str, float]:
    """Exit code, stderr and seconds of a command."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "streamseg.commands", *arguments],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())} | dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr, time.monotonic() - began


def test_every_command_is_in_these_tests() -> None:
    tried = {words[0] for words in USES_A_SERVER.values()}

    assert tried | WITHOUT_SERVER | SERVES_ON == set(COMMANDS)


def test_a_server_that_is_away_ends_every_command_with_3(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        ends = dict(
            zip(
                USES_A_SERVER,
                pool.map(lambda words: end(folder, AWAY, *words), USES_A_SERVER.values()),
                strict=True,
            )
        )

    assert {name: (code, said) for name, (code, said, _) in ends.items() if code != 3} == {}
    for name, (_, said, _) in ends.items():
        assert "Traceback" not in said, name
        assert said.splitlines()[-1].startswith("streamseg: "), name


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"schemas", "fuzz", "bench", "settings"}))
def test_wrong_settings_end_every_command_with_2(folder: Path, name: str) -> None:
    words = (
        (USES_A_SERVER | NEEDS_OPTIONS).get(name, (name,)) if name != "demo" else ("demo",)
    )  # its own option is another redis.url
    code, said, _ = end(folder, {"STREAMSEG_REDIS__URL": "localhost:6379"}, *words)

    assert code == 2, said
    *progress, reason = said.splitlines()
    assert reason.startswith("streamseg: setting redis.url: must begin with redis://"), said
    assert progress == (["loading the demo ..."] if name == "demo" else [])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_wrong_usage_ends_every_command_with_2(folder: Path, name: str) -> None:
    code, said, _ = end(folder, {}, name, "--no-such-option")

    assert code == 2
    assert "Traceback" not in said


def test_an_unknown_id_ends_every_command_with_1(folder: Path, environment: dict[str, str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        ends = dict(
            zip(UNKNOWN, pool.map(lambda words: end(folder, environment, *words), UNKNOWN.values()), strict=True)
        )

    assert {name: (code, said) for name, (code, said, _) in ends.items() if code != 1} == {}


def test_a_refused_login_is_a_matter_of_settings(folder: Path, environment: dict[str, str]) -> None:
    code, said, _ = end(folder, environment | {"STREAMSEG_REDIS__PASSWORD": "guessed-word"}, "keys", "list")

    assert code == 2, said
    assert "guessed-word" not in said


def test_what_is_missing_is_named_before_anything_is_sent(
    folder: Path, environment: dict[str, str], kafka_bootstrap: str
) -> None:
    from tests.support.kafka.topics import delete_topics

    delete_topics(kafka_bootstrap)
    code, said, _ = end(folder, environment, "replay", "events.jsonl")

    assert code == 2
    assert "run `streamseg topics create`" in said


def test_a_replay_without_kafka_says_within_3_seconds_that_it_waits(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "streamseg.commands", "replay", "events.jsonl"],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())} | AWAY,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    began = time.monotonic()
    with process.stderr:
        first = process.stderr.readline()
        waited = time.monotonic() - began
        last = process.stderr.read()
    assert process.wait(30) == 3
    assert re.match(r"Kafka at 127\.0\.0\.1:1 does not answer; waiting up to 15 s", first)
    assert waited < 8.0  # with the start of Python on a loaded machine; 2 s of it are the wait
    assert last.startswith("streamseg: no answer from Kafka at 127.0.0.1:1")


def test_the_api_serves_on_without_its_servers_and_ends_with_0(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "streamseg.commands", "api", "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())} | AWAY,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        while not process.stderr.readline().startswith("serving "):
            assert process.poll() is None
        time.sleep(4.0)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.wait(30) == 0
    waits = [line.partition(" waits for ")[2] for line in said.splitlines() if "Redis" in line]
    assert len(waits) == len(set(waits)) == 4, said


def test_the_documented_table_is_that_of_the_code() -> None:
    table = (Path(__file__).parents[2] / "deploy/README.md").read_text().partition("| exit code |")[2]
    documented = {int(code) for code in re.findall(r"^\| (\d) \|", table.partition("\n\n")[0], re.MULTILINE)}

    assert documented == {0, *(code for _, code in EXIT_CODES)}


def test_a_replay_whose_lines_are_all_rejected_fails(folder: Path, environment: dict[str, str]) -> None:
    (folder / "bad.jsonl").write_text("no event\nnor this\n")
    code, said, _ = end(folder, environment, "replay", "bad.jsonl")

    assert code == 1
    assert "no line is a valid event" in said


def test_an_unknown_encoding_is_named(folder: Path, environment: dict[str, str]) -> None:
    (folder / "map.toml").write_text(
        'event = "click"\n[fields]\ncustomer_id = "c"\noccurred_at = "t"\nevent_name = { constant = "view_item" }\n'
        '[file]\nencoding = "latin-nine"\n'
    )
    (folder / "events.csv").write_text("c,t\nc-1,2026-11-01T10:00:00Z\n")
    code, said, _ = end(folder, environment, "replay", "events.csv", "--mapping", "map.toml")

    assert code == 2
    assert said.strip() == (
        "streamseg: mapping map.toml, file.encoding: unknown encoding 'latin-nine': for example utf-8, latin-1,"
        " cp1252 or utf-16"
    )


def test_a_replay_that_the_workers_reject_fails(folder: Path, environment: dict[str, str], tmp_path: Path) -> None:
    from tests.support.processes import worker

    # The worker's clock limit rejects what the file's reader cannot know: events of the far future.
    future = "".join(EVENT.replace("e-1", f"e-{n}").replace("2026", "2126") for n in range(5))
    (folder / "future.jsonl").write_text(future)
    (folder / "both.jsonl").write_text(future.replace('"e-', '"f-') + EVENT)
    with worker(environment, tmp_path / "worker.log"):
        code, said, _ = end(folder, environment, "replay", "future.jsonl", "--wait")
        assert code == 1, said
        assert "the workers rejected 5 of 5 events: see `streamseg dead-letters list`" in said
        code, said, _ = end(folder, environment, "replay", "both.jsonl", "--wait")
        assert code == 0, said
        assert "the workers rejected 5 of 6 events" in said
