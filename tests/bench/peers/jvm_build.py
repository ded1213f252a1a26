"""The peers on the JVM, built by Maven on first use. A Java runtime is enough: the compiler is a jar."""

import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from tests.support.kafka.server import path_of

ROOT: Final = Path(__file__).parents[3]
SOURCES: Final = Path(__file__).parent / "jvm"
BUILD_SECONDS: Final = 900
NAMED: Final = ("kafka", "flink", "jedis", "jackson")


def folder_of(module: str) -> Path:
    """Folder of a module that was built from these sources."""
    files = sorted(path for path in SOURCES.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    return ROOT / ".cache" / "peers" / f"{module}-{digest}"


def class_path(module: str, say: Callable[[str], None]) -> str:
    """The class path of `module`; builds it when missing. Raises `click.ClickException` when that fails."""
    folder = folder_of(module)
    done = folder / ".built"
    if not done.exists():
        say(f"building the peer into {folder.relative_to(ROOT)}")
        made = subprocess.run(
            [
                path_of("mvn", "maven"), "-q", "-B", "-f", str(SOURCES / "pom.xml"), f"-Dbuilt={folder}",
                "-pl", module, "-am", "package", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars",
            ],
            capture_output=True, text=True, check=False, timeout=BUILD_SECONDS,
        )  # fmt: skip
        if made.returncode:
            raise click.ClickException(f"Maven could not build {module}: {(made.stdout + made.stderr).strip()[-500:]}")
        done.touch()
    return f"{folder}/{module}/classes:{folder}/jars/*"


def versions() -> dict[str, str]:
    """Versions of the main libraries in the pom."""
    pinned = dict(re.findall(r"<(\w+)\.version>([^<]+)<", (SOURCES / "pom.xml").read_text()))
    return {f"java-{name}": pinned[name] for name in NAMED}
