"""Rules and alerts: they name metrics that exist, fire when they should and not otherwise, and have a runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamseg.events.rejection import Reason
from streamseg.metrics import METRICS
from streamseg.topics import INPUT_TOPICS

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy/prometheus"
CONFIG = FOLDER / "prometheus.yml"
RULE_FILES: list[str] = yaml.safe_load(CONFIG.read_text())["rule_files"]
RULES: list[dict[str, Any]] = [
    rule
    for name in RULE_FILES
    for group in yaml.safe_load((FOLDER / name).read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
RUNBOOKS = (ROOT / "deploy/runbooks.md").read_text()
CASES = sorted(Path(__file__).with_name("alert_cases").glob("*.yml"))

NOT_OURS = {"up", "probe_ssl_earliest_cert_expiry"}
"""Metrics of Prometheus itself and of its blackbox exporter."""
SERIES = {
    spec.name + suffix: spec
    for spec in METRICS
    for suffix in (("_bucket", "_count", "_sum") if spec.type == "histogram" else ("",))
}


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Series that an expression reads, with the labels that it selects by."""
    found = re.findall(
        r"(?<![\w:])((?:streamseg|probe)_\w+|up)\b(?:\{([^}]*)\})?", re.sub(r"\w*:\w+:\w+", "", expression)
    )
    return [(name, set(re.findall(r"(\w+)\s*[=!]", labels))) for name, labels in found]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_read_series_that_exist_by_labels_that_they_have(rule: dict[str, Any]) -> None:
    read = selectors(rule["expr"])
    recorded = set(re.findall(r"\b\w*:\w+:\w+", rule["expr"]))
    assert read or recorded
    assert recorded <= RECORDED
    for name, labels in read:
        if name not in NOT_OURS:
            assert name in SERIES, name
            assert labels <= {*SERIES[name].labels, "le"}, name


def test_objectives_are_limits_of_buckets_and_reasons_and_topics_are_ours() -> None:
    limits = re.findall(r'(streamseg_\w+)_bucket\{le="([\d.]+)"\}', str(RULES))
    assert limits
    assert all(float(limit) in SERIES[f"{name}_bucket"].buckets and "." in limit for name, limit in limits)
    assert set(re.findall(r'reason="(\w+)"', str(RULES))) == {Reason.INTERNAL.value}
    assert set(re.findall(r"streamseg\.\w+", str(RULES))) <= set(INPUT_TOPICS)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_paragraph_in_the_runbooks(name: str) -> None:
    section = RUNBOOKS.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    for part in ("Means: ", "Customers see: ", "First"):
        assert re.search(rf"^{part}", section, re.MULTILINE), part
    assert re.search(r"`|^    ", section, re.MULTILINE), "no command to run"
    assert ALERTS[name]["annotations"]["runbook"] == f"deploy/runbooks.md#{name.lower()}"
    assert ALERTS[name]["labels"]["severity"] in {"critical", "warning"}


def test_every_paragraph_is_of_an_alert() -> None:
    assert set(re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE)) == ALERTS.keys()


def _expected(case: dict[str, Any]) -> list[tuple[str, bool]]:
    """Alerts of a case, each with whether it is expected to fire at some moment."""
    by_alert = [(one["alertname"], bool(one["exp_alerts"])) for one in case.get("alert_rule_test", ())]
    return by_alert + [
        (re.findall(r'alertname="(\w+)"', one["expr"])[0], bool(one["exp_samples"]))
        for one in case.get("promql_expr_test", ())
    ]


def test_every_alert_is_seen_to_fire_and_to_stay_quiet() -> None:
    expected = {
        pair for path in CASES for case in yaml.safe_load(path.read_text())["tests"] for pair in _expected(case)
    }
    assert expected == {(name, fires) for name in ALERTS for fires in (True, False)}


@pytest.mark.parametrize(
    "cases",
    [pytest.param(path, marks=() if path.stem == "set_aside" else pytest.mark.slow, id=path.stem) for path in CASES],
)
def test_alerts_fire_when_they_should_and_only_then(promtool: str, cases: Path) -> None:
    """Issue 13, item 1, for the records that are set aside; issue 15 for the others."""
    done = subprocess.run([promtool, "test", "rules", cases], check=False, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr


def test_promtool_accepts_configuration_and_rules(promtool: str) -> None:
    """It reads the rule files too, and expands the templates of annotations."""
    done = subprocess.run([promtool, "check", "config", CONFIG], check=False, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(RULE_FILES)


def test_alerts_reach_an_alertmanager_that_knows_their_names() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (manager,) = yaml.safe_load(CONFIG.read_text())["alerting"]["alertmanagers"]
    (target,) = manager["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert f"127.0.0.1:{port}:{port}" in services[name]["ports"]
    (mounted,) = [volume.split(":") for volume in services[name]["volumes"] if volume.startswith("./")]
    assert f"--config.file={mounted[1]}" in services[name]["command"]
    config = yaml.safe_load((ROOT / mounted[0]).read_text())
    assert config["route"]["receiver"] in [receiver["name"] for receiver in config["receivers"]]
    assert set(re.findall(r"Streamseg\w+", str(config["inhibit_rules"]))) <= ALERTS.keys()
    labels = {label for rule in RULES for label in re.findall(r"\$labels\.(\w+)", str(rule))}
    assert {*config["route"]["group_by"]} <= {"alertname", *labels}


def test_the_container_gets_every_rule_file() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["prometheus"]
    mounts = [volume.split(":")[:2] for volume in service["volumes"]]
    for name in RULE_FILES:
        assert [f"./deploy/prometheus/{name}", f"/etc/prometheus/{name}"] in mounts
