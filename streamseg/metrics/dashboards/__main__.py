"""Writes the dashboards into the folder that is given, by default that of the deployment."""

import sys
from pathlib import Path

from streamseg.metrics.dashboards import dashboard_files

for path, text in dashboard_files(Path(*sys.argv[1:]) if sys.argv[1:] else Path("deploy/grafana/dashboards")).items():
    path.write_text(text, encoding="utf-8")
