"""The deployment files match the code: commands, settings, ports and pinned versions."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamseg.settings import ApiSettings, WorkerSettings, load_settings
from tests.support.command_lines import check_command_line

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
PROMETHEUS = ROOT / "deploy/prometheus/prometheus.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.\[\]-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", OURS)
def test_commands_and_their_options_exist(name: str) -> None:
    check_command_line(OURS[name]["command"])


@pytest.mark.parametrize("name", OURS)
def test_environment_variables_are_valid_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = dict(re.findall(r"(STREAMSEG_\w+)=(\S+)", DOCKERFILE))
    for variable, value in (image | OURS[name]["environment"]).items():
        monkeypatch.setenv(variable, re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)))
    settings = load_settings()
    assert settings.kafka.bootstrap.partition(":")[0] in SERVICES
    assert f"INSIDE://{settings.kafka.bootstrap}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert settings.redis.url == "redis://redis:6379/0"
    assert settings.worker.metrics_host == "0.0.0.0"


def test_services_wait_for_their_dependencies() -> None:
    def condition(service: str, needed: str) -> object:
        return SERVICES[service]["depends_on"][needed]["condition"]

    assert condition("topics", "kafka") == "service_healthy"
    assert condition("worker", "topics") == "service_completed_successfully"
    assert condition("worker", "redis") == "service_healthy"
    assert SERVICES["simulator"]["profiles"] == ["demo"]
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            healthy = "healthcheck" in SERVICES[needed] or needed == "worker"  # the worker's is in the image
            assert how["condition"] != "service_healthy" or healthy


def test_images_are_pinned() -> None:
    images = [service["image"] for service in SERVICES.values()] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in images)
    tested = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.*)</version>", _pom())
    assert tested is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{tested[1]}"


def test_redis_persists_writes_and_evicts_nothing() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    for option in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"):
        assert option in command


def test_ports_are_open_to_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_runs_as_a_numbered_user_and_receives_signals() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)
    assert 'ENTRYPOINT ["streamseg"]' in DOCKERFILE
    assert re.search(r"^HEALTHCHECK ", DOCKERFILE, re.MULTILINE)


def test_the_build_context_holds_exactly_the_copied_files() -> None:
    included = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert {path for line in copied for path in line.split()} == set(included)
    for path in included:
        assert (ROOT / path).exists(), path


def test_prometheus_scrapes_the_port_of_the_workers() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
    scraped = jobs["streamseg-worker"]["dns_sd_configs"][0]
    assert scraped["names"] == ["worker"]
    assert scraped["port"] == WorkerSettings().metrics_port
    assert f"EXPOSE {scraped['port']}" in DOCKERFILE


def test_prometheus_scrapes_the_api() -> None:
    """Issue 13, item 26."""
    jobs = {job["job_name"]: job for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
    scraped = jobs["streamseg-api"]["dns_sd_configs"][0]
    assert scraped["names"] == ["api"]
    assert scraped["port"] == ApiSettings().port


@pytest.mark.parametrize("name", OURS)
def test_every_container_reads_the_mounted_settings_file(name: str) -> None:
    """Issue 13, item 26: it is the `streamseg.toml` of the working directory, and it is valid."""
    service = OURS[name]
    source, target, mode = service["volumes"][0].split(":")
    assert (target, mode) == (f"{service['working_dir']}/streamseg.toml", "ro")
    assert load_settings(ROOT / source).segmentations


def test_the_truth_file_outlives_its_container_and_the_user_may_write_it() -> None:
    """Issue 13, item 26: the simulator writes to a volume on a folder that the image gives to its user."""
    simulator = SERVICES["simulator"]
    (truth,) = [Path(word) for word in simulator["command"] if str(word).endswith(".csv")]
    assert f"truth:{truth.parent}" in simulator["volumes"]
    assert "truth" in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["volumes"]
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert re.search(rf"^RUN install -d -o {user} -g \d+ {truth.parent}$", DOCKERFILE, re.MULTILINE)


def test_a_key_is_made_once() -> None:
    """Issue 13, item 26: `up` makes a key at the first start only, once the store is there."""
    key = SERVICES["key"]
    assert key["command"] == ["keys", "create", "compose", "--if-missing"]
    assert key["depends_on"]["redis"]["condition"] == "service_healthy"
    assert key["restart"] == "no"


@pytest.mark.parametrize("lock", ["requirements.lock", "deploy/requirements.lock"])
def test_locks_have_hashes_and_name_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links| @ ", text)
    blocks = re.split(r"\n(?=\S)", text)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block.partition("\n")[0])


def test_the_image_has_the_tested_versions() -> None:
    tested = pins("requirements.lock")
    assert tested.items() >= pins("deploy/requirements.lock").items()


def _pom() -> str:
    return (ROOT / "tests/support/kafka/pom.xml").read_text()
