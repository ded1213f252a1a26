"""docker-compose.yml names only what exists: paths, volumes, ports, probes, entry points, settings. Issue 15."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamseg.settings import ApiSettings, ConsoleSettings, WorkerSettings
from streamseg.worker.health import Health
from tests.support.kafka.server import PROPERTIES

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
LISTENERS = dict(re.findall(r"(\w+)://\w*:(\d+)", SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"]))
ASKED = re.compile(r"127\.0\.0\.1:(\d+)?(/\w+)?")


class Cold:
    def cold(self) -> str | None:
        return None


def mounts() -> list[tuple[str, str, str]]:
    """Service, source and target of each mount."""
    found = [(name, *volume.split(":")[:2]) for name, one in SERVICES.items() for volume in one.get("volumes", ())]
    return [(name, source, target) for name, source, target in found]


def test_every_path_of_this_machine_exists_and_every_volume_is_declared() -> None:
    paths = [source for _, source, _ in mounts() if source.startswith(".")]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    volumes = {source for _, source, _ in mounts() if not source.startswith(".")}
    assert volumes == set(COMPOSE["volumes"])


def test_no_target_is_mounted_twice() -> None:
    targets = [(name, target) for name, _, target in mounts()]
    assert len(targets) == len(set(targets))


@pytest.mark.parametrize("name", OURS)
def test_our_image_is_built_from_what_is_there(name: str) -> None:
    build = OURS[name]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
    (entry,) = re.findall(r'^ENTRYPOINT \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts[entry] == "streamseg.commands:main"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert OURS[name]["image"] == f"streamseg:{version}"
    assert f"ARG VERSION={version}" in DOCKERFILE


@pytest.mark.parametrize(
    ("service", "listens"),
    [
        ("kafka", int(LISTENERS["OUTSIDE"])),
        ("redis", 6379),
        ("api", ApiSettings().port),
        ("console", ConsoleSettings().port),
        ("prometheus", 9090),
    ],
)
def test_published_ports_are_those_that_the_process_listens_on(service: str, listens: int) -> None:
    (published,) = SERVICES[service]["ports"]
    assert published == f"127.0.0.1:{listens}:{listens}"
    command = " ".join(map(str, SERVICES[service].get("command", ())))
    assert "--port" not in command
    assert "--web.listen-address" not in command


def test_every_published_service_is_checked_above_or_listens_as_its_image_does() -> None:
    published = {name for name, one in SERVICES.items() if "ports" in one}
    assert published >= {"kafka", "redis", "api", "prometheus"}
    assert not published & {"topics", "worker", "key", "simulator"}


def test_probes_ask_paths_that_the_processes_answer() -> None:
    routes = set(re.findall(r'Route\("(/\w+)"', (ROOT / "streamseg/api/routes/health.py").read_text()))
    (port, path) = ASKED.findall(" ".join(SERVICES["api"]["healthcheck"]["test"]))[0]
    assert (int(port), path in routes) == (ApiSettings().port, True)
    own = set(re.findall(r'Route\("(/\w+)"', (ROOT / "streamseg/console/routes/fixed.py").read_text()))
    (port, path) = ASKED.findall(" ".join(SERVICES["console"]["healthcheck"]["test"]))[0]
    assert (int(port), path in own) == (ConsoleSettings().port, True)
    (probe,) = re.findall(r"^HEALTHCHECK .*\n +\"(.*)\"\]$", DOCKERFILE, re.MULTILINE)
    assert "STREAMSEG_WORKER__METRICS_PORT" in probe
    (asked,) = re.findall(r"\+ '(/\w+)'", probe)
    assert asked in Health(Cold()).probes()
    (port,) = re.findall(r"STREAMSEG_WORKER__METRICS_PORT=(\d+)", DOCKERFILE)
    assert int(port) == WorkerSettings().metrics_port
    inside = SERVICES["kafka"]["healthcheck"]["test"][-1]
    assert inside == f"kafka:{LISTENERS['INSIDE']}"


def test_containers_that_serve_no_metrics_have_no_probe_of_the_worker() -> None:
    for name, one in OURS.items():
        probed = "disable" not in one.get("healthcheck", {}) and "test" not in one.get("healthcheck", {})
        assert probed is (name == "worker"), name


def test_the_settings_of_kafka_are_those_that_a_broker_starts_with_in_the_tests() -> None:
    names = {
        name.removeprefix("KAFKA_").lower().replace("_", ".")
        for name in SERVICES["kafka"]["environment"]
        if name.startswith("KAFKA_")
    }
    known = {line.partition("=")[0] for line in PROPERTIES.split()}
    assert names - known == {"inter.broker.listener.name"}, "which KafkaServer sets with proxies"
    for variable in ("KAFKA_ADVERTISED_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"):
        listed = set(re.findall(r"(\w+):(?://|\w)", SERVICES["kafka"]["environment"][variable])) - {"localhost"}
        assert listed >= {"INSIDE", "OUTSIDE"}
        assert listed <= {*LISTENERS, "kafka"}


def test_no_process_of_ours_can_write_to_its_image_or_gain_rights() -> None:
    for one in OURS.values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
