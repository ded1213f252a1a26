"""A real Prometheus with the deployment's configuration, on targets of the test."""

import json
import math
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml
from typing_extensions import override

from streamseg.embedded.child import Child, free_port
from streamseg.embedded.server import Server

DEPLOYED = Path(__file__).parents[2] / "deploy/prometheus"


class Prometheus(Server):
    """Scrapes each target every second and evaluates the deployment's rules as often.

    Args:
        targets: `host:port` by the name of the job in `deploy/prometheus/prometheus.yml`.
    """

    start_seconds: ClassVar[float] = 30.0

    def __init__(self, targets: Mapping[str, str]) -> None:
        found = shutil.which("prometheus")
        assert found is not None
        folder = Path(tempfile.mkdtemp(prefix="streamseg-prometheus-"))
        config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(DEPLOYED / name) for name in config["rule_files"]]
        jobs = {job["job_name"] for job in config["scrape_configs"]}
        assert set(targets) <= jobs
        config["scrape_configs"] = [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ]
        config.pop("alerting", None)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._address = f"127.0.0.1:{free_port()}"
        command = [found, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        super().__init__(Child("prometheus", [*command, f"--web.listen-address={self._address}"], folder))

    @override
    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=1):
                return True
        except OSError:
            return False

    def query(self, expression: str) -> list[float]:
        """The values of an instant query, without those that are no number. Raises `AssertionError` if it is wrong."""
        form = urllib.parse.urlencode({"query": expression}).encode()
        try:
            with urllib.request.urlopen(f"http://{self._address}/api/v1/query", form, timeout=10) as answer:
                told: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        values = [float(one["value"][1]) for one in told["data"]["result"]]
        return [value for value in values if not math.isnan(value)]
