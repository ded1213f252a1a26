"""deploy/kubernetes names only what exists: files, commands, settings, ports, routes, topics, rights. Issue 15."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from streamseg.metrics.table import METRICS
from streamseg.settings import ApiSettings, ConsoleSettings, WorkerSettings, load_settings
from streamseg.topics import TOPICS
from streamseg.worker.health import Health
from tests.support.command_lines import check_command_line
from tests.support.secured_servers import documented_acls

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy/kubernetes"
BASE, SINGLE, PRODUCTION = FOLDER / "base", FOLDER / "overlays/single", FOLDER / "overlays/production"
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")
Object = dict[str, Any]


def objects_of(*files: Path) -> list[Object]:
    return [one for file in files for one in yaml.safe_load_all(file.read_text()) if one]


def kustomization(folder: Path) -> Object:
    loaded: Object = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return loaded


def of_kind(kind: str, *folders: Path) -> list[Object]:
    files = [file for file in FILES if not folders or file.parent in folders]
    return [one for one in objects_of(*files) if one["kind"] == kind]


def named(items: list[Object]) -> dict[str, Any]:
    return {one["name"]: one for one in items}


def pods() -> Iterator[tuple[str, Object]]:
    """The pods that a folder makes, by their name; patches only add to them."""
    for one in objects_of(*(file for file in FILES if file.parent != PRODUCTION)):
        if one["kind"] in {"StatefulSet", "Deployment", "Job"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


PODS = dict(pods())
OURS = {name: pod["containers"][0] for name, pod in PODS.items() if pod["containers"][0]["image"] == "streamseg"}


@pytest.mark.parametrize("folder", [BASE, SINGLE, PRODUCTION], ids=lambda folder: folder.name)
def test_every_file_is_in_its_kustomization_and_every_reference_exists(folder: Path) -> None:
    written = kustomization(folder)
    patches = written.get("patches", [])
    listed = [*written["resources"], *(one["path"] for one in patches if "path" in one)]
    listed += [file for one in written.get("configMapGenerator", []) for file in one["files"]]
    assert [one for one in listed if not (folder / one).exists()] == []
    there = {path.name for path in folder.iterdir()} - {"kustomization.yaml"}
    assert there == {one for one in listed if "/" not in one}
    base = {(one["kind"], one["metadata"]["name"]) for one in objects_of(*BASE.glob("[!k]*.yaml"))}
    assert {(one["target"]["kind"], one["target"]["name"]) for one in patches} <= base


@pytest.mark.parametrize("name", OURS)
def test_commands_and_their_options_exist(name: str) -> None:
    check_command_line(OURS[name]["args"])


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("folder", [SINGLE, PRODUCTION], ids=lambda folder: folder.name)
def test_environment_variables_are_valid_settings(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    patched = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in objects_of(*folder.glob("[acw]*.yaml"))
    }
    over = patched.get(name, {"containers": [{}]})["containers"][0].get("env", [])
    environment = named(OURS[name].get("env", [])) | named(over)
    for variable, one in environment.items():
        value = str(
            one.get(
                "value", '["a-secret-of-the-cluster"]' if variable.endswith("SECRETS") else "a-secret-of-the-cluster"
            )
        )
        monkeypatch.setenv(variable, value.replace("$(POD_NAME)", "streamseg-worker-0"))
    settings = load_settings(BASE / "streamseg.toml")
    assert settings.segmentations
    assert settings.kafka.bootstrap.startswith("kafka-kafka-bootstrap:")
    secured = folder == PRODUCTION and name != "streamseg-topics"
    assert (settings.kafka.security_protocol == "SASL_SSL") is secured
    assert settings.redis.url.startswith("rediss:" if secured else "redis:")
    if secured:
        mounts = {one["mountPath"] for one in patched[name]["containers"][0]["volumeMounts"]}
        assert {str(settings.kafka.ssl_ca_file.parent), str(settings.redis.ssl_ca_file.parent)} == mounts  # type: ignore[union-attr]


def test_workers_have_static_names_and_the_time_to_leave() -> None:
    worker = named(OURS["streamseg-worker"]["env"])
    assert worker["STREAMSEG_KAFKA__MEMBERSHIP_PROFILE"]["value"] == "rolling"
    assert worker["STREAMSEG_KAFKA__INSTANCE_ID"]["value"] == "$(POD_NAME)"
    assert list(worker).index("POD_NAME") < list(worker).index("STREAMSEG_KAFKA__INSTANCE_ID")
    assert PODS["streamseg-worker"]["terminationGracePeriodSeconds"] > 10
    assert PODS["streamseg-api"]["terminationGracePeriodSeconds"] > ApiSettings().leave_seconds + 5


def test_ports_and_probes_are_those_of_the_processes() -> None:
    class Cold:
        def cold(self) -> str | None:
            return None

    served = {
        "streamseg-worker": set(Health(Cold()).probes()),
        "streamseg-api": routes("api/routes/health"),
        "streamseg-console": routes("console/routes/fixed"),
    }
    ports = {
        "streamseg-worker": WorkerSettings().metrics_port,
        "streamseg-api": ApiSettings().port,
        "streamseg-console": ConsoleSettings().port,
    }
    for name, paths in served.items():
        container = OURS[name]
        (port,) = container["ports"]
        assert port["containerPort"] == ports[name]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] in paths
            assert asked["port"] == port["name"]
        assert container["livenessProbe"]["httpGet"]["path"] != container["readinessProbe"]["httpGet"]["path"]
    (service,) = [one for one in of_kind("Service", BASE) if one["metadata"]["name"] == "streamseg-api"]
    assert service["spec"]["ports"][0]["targetPort"] == OURS["streamseg-api"]["ports"][0]["name"]


def routes(module: str) -> set[str]:
    text = (ROOT / f"streamseg/{module}.py").read_text()
    return set(re.findall(r'Route\("(/\w+)"', text))


@pytest.mark.parametrize("name", PODS)
def test_no_pod_has_more_rights_than_it_needs(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"].get("readOnlyRootFilesystem") is (None if name == "kafka" else True)
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"]["memory"]
    mounted = {one["name"] for one in container.get("volumeMounts", [])}
    assert mounted <= {one["name"] for one in pod.get("volumes", [])} | {"data"}
    (user,) = re.findall(r"^USER (\d+):\d+$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert name in {"kafka", "redis"} or pod["securityContext"]["runAsUser"] == int(user)


def test_selectors_hit_pods() -> None:
    labels = {"streamseg-worker", "streamseg-api", "streamseg-console", "streamseg-topics", "kafka", "redis"}
    assert labels == set(PODS)
    selected = re.findall(r"app\.kubernetes\.io/name: ([\w-]+)", "".join(file.read_text() for file in FILES))
    listed = re.findall(
        r"app\.kubernetes\.io/name, operator: In, values: \[([^]]+)\]", "".join(f.read_text() for f in FILES)
    )
    names = {*selected, *(name for one in listed for name in one.split(", "))}
    assert names - labels == {"prometheus"}
    targets = [
        one["spec"]["scaleTargetRef"] for kind in ("ScaledObject", "HorizontalPodAutoscaler") for one in of_kind(kind)
    ]
    assert {(one["kind"], one["name"]) for one in targets} == {
        ("StatefulSet", "streamseg-worker"),
        ("Deployment", "streamseg-api"),
    }
    assert {one["metadata"]["name"] for one in of_kind("PodDisruptionBudget")} == {"streamseg-worker", "streamseg-api"}


def test_topics_are_those_of_the_table_and_bound_the_workers() -> None:
    made = {one["metadata"]["name"]: one["spec"] for one in of_kind("KafkaTopic")}
    partitions = made["streamseg.clicks"]["partitions"]
    assert made == {
        spec.name: {
            "partitions": spec.partitions or partitions,
            "replicas": 3,
            "config": spec.config() | {"min.insync.replicas": "2"},
        }
        for spec in TOPICS
    }
    (scaled,) = of_kind("ScaledObject")
    assert scaled["spec"]["maxReplicaCount"] == partitions
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "prometheus"
    (name,) = re.findall(r"streamseg_\w+", trigger["metadata"]["query"])
    assert name in {one.name for one in METRICS}
    assert name.endswith("_seconds")
    assert trigger["metricType"] == "Value"  # it grows the number of workers by the same factor as the lag is too high


def test_users_have_the_rights_of_the_script(tmp_path: Path) -> None:
    names = {"topic": "TOPIC", "group": "GROUP", "transactionalId": "TRANSACTIONAL_ID"}
    given = {
        (
            f"User:{one['metadata']['name']}",
            names[acl["resource"]["type"]],
            acl["resource"]["name"],
            acl["resource"]["patternType"] == "prefix",
            re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper(),
        )
        for one in of_kind("KafkaUser")
        for acl in one["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }
    assert given == {
        (one.principal, one.restype.name, one.name, one.resource_pattern_type.name == "PREFIXED", one.operation.name)
        for one in documented_acls(tmp_path)
    }


def test_the_rules_of_the_operator_are_those_of_prometheus() -> None:
    made = subprocess.run([FOLDER / "prometheus-rule.sh"], check=True, capture_output=True, text=True).stdout
    assert (PRODUCTION / "prometheus-rule.yaml").read_text() == made
    (rule,) = objects_of(PRODUCTION / "prometheus-rule.yaml")
    groups = []
    for file in sorted((ROOT / "deploy/prometheus").glob("*.yml")):
        groups += yaml.safe_load(file.read_text()).get("groups", [])
    assert rule["spec"]["groups"] == groups
    (monitor,) = of_kind("PodMonitor")
    ports = {port["name"] for one in OURS.values() for port in one.get("ports", [])}
    assert {one["port"] for one in monitor["spec"]["podMetricsEndpoints"]} == ports


def test_images_are_those_of_the_compose_file() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name in ("kafka", "redis"):
        assert PODS[name]["containers"][0]["image"] == services[name]["image"]
    (image,) = kustomization(BASE)["images"]
    assert f"{image['name']}:{image['newTag']}" == services["worker"]["image"]
    assert PODS["redis"]["containers"][0]["args"] == services["redis"]["command"]


@pytest.mark.parametrize("folder", [SINGLE, PRODUCTION], ids=lambda folder: folder.name)
def test_kustomize_builds_it_and_patches_replace_what_they_name(folder: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    built = subprocess.run([kubectl, "kustomize", folder], check=True, capture_output=True, text=True).stdout
    made = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(built)}
    worker = made["StatefulSet", "streamseg-worker"]["spec"]["template"]["spec"]
    (container,) = worker["containers"]
    variables = [one["name"] for one in container["env"]]
    assert len(variables) == len(set(variables))
    assert variables.index("POD_NAME") < variables.index("STREAMSEG_KAFKA__INSTANCE_ID"), "else it is not replaced"
    assert container["image"] == "streamseg:0.1.0"
    mounts = {one["name"] for one in container["volumeMounts"]}
    assert mounts == {one["name"] for one in worker["volumes"]}
    (settings,) = [one["configMap"]["name"] for one in worker["volumes"] if one["name"] == "settings"]
    assert ("ConfigMap", settings) in made
    replicas = made["StatefulSet", "streamseg-worker"]["spec"]["replicas"]
    assert replicas == (1 if folder == SINGLE else 2)


def test_objects_fit_the_schemas_of_kubernetes() -> None:
    patches = tuple(PRODUCTION / f"{name}.yaml" for name in ("worker", "api", "console"))
    own = [one for one in objects_of(*(file for file in FILES if file not in patches)) if is_core(one["apiVersion"])]
    assert len(own) > 15
    for one in own:
        kubernetes_validate.validate(one, "1.37", strict=True)


def is_core(version: str) -> bool:
    group = version.partition("/")[0]
    return group.endswith(".k8s.io") or "." not in group
