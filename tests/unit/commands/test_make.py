"""What `make` offers: its list of commands is complete and in order, and `make doctor` reports missing tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
DOCTOR = ROOT / ".ci" / "doctor.sh"
SHELL_TOOLS = ("bash", "env", "grep", "head", "id", "tr")


@pytest.fixture
def no_tools(tmp_path: Path) -> dict[str, str]:
    """An environment in which only the tools of the shell are found."""
    for tool in SHELL_TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    hidden = {"PATH", "PYTHON", "STREAMSEG_TEST_KAFKA"}
    return {name: value for name, value in os.environ.items() if name not in hidden} | {"PATH": str(tmp_path)}


def doctor(environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run([str(DOCTOR)], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_every_target_but_servers_is_listed_in_order() -> None:
    listed = re.findall(r"^([a-z0-9]+):.* ## \S", MAKEFILE, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)

    assert [*listed, "servers"] == phony.split()


def test_doctor_names_what_is_missing_and_fails(no_tools: dict[str, str]) -> None:
    code, printed = doctor(no_tools)

    missing = re.findall(r"^MISSING +(\S+)", printed, re.MULTILINE)
    assert code == 1
    assert missing == [
        "Python",
        "venv",
        "make",
        "Java",
        "Maven",
        "redis-server",
        "promtool",
        "chromium",
        "nginx",
        "npm",
    ]
    assert printed.count("get it:") == len(missing)


def test_doctor_needs_no_java_for_a_given_kafka(no_tools: dict[str, str]) -> None:
    _, printed = doctor(no_tools | {"STREAMSEG_TEST_KAFKA": "kafka:9092"})

    assert not re.search(r"^MISSING +(Java|Maven)", printed, re.MULTILINE)
