"""`streamseg segments` before there are segments. Issue 13, item 21."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from streamseg.clustering.snapshot import Snapshot, WarmUp
from streamseg.commands import Invocation
from streamseg.commands.segments import command
from streamseg.language.waiting_text import missing
from streamseg.packs import pack
from streamseg.wiring import build_service
from tests.support.partition import SNAPSHOT

COLD = replace(
    SNAPSHOT,
    centres=(),
    segments=(),
    first_sample_at=0.0,
    learned_until=5.0,
    warm_up=WarmUp(41, 100, 7.0, 20),
    warm_up_ends_at=14 * 86_400.0,
    customers_needed_late=25,
)


@pytest.fixture(autouse=True)
def _stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def catalogue(_: object, __: str | None = None) -> dict[str, Any]:
        return {}

    async def waiting(_: object) -> dict[str, Snapshot | None]:
        return {"behaviour": COLD, "value": None}

    monkeypatch.setattr(build_service, "read_catalogue", catalogue)
    monkeypatch.setattr(build_service, "read_waiting", waiting)


def test_one_line_per_segmentation_says_what_is_missing() -> None:
    result = CliRunner().invoke(command, [], obj=Invocation())
    assert result.exit_code == 0, result.output
    assert "41 so far" in result.stdout
    assert result.stdout.replace("\n  ", " ").splitlines() == [
        f"behaviour: {missing(COLD, pack('behaviour').needs['en'])}",
        "value: segments come when customers are sampled (none so far)",
    ]


def test_the_lines_follow_the_language() -> None:
    result = CliRunner().invoke(command, ["--lang", "sv"], obj=Invocation())
    assert result.stdout.replace("\n  ", " ").splitlines() == [
        f"behaviour: {missing(COLD, pack('behaviour').needs['sv'], 'sv')}",
        "value: segment kommer när det finns kunder i urvalet (inga hittills)",
    ]


def test_json_has_the_facts() -> None:
    result = CliRunner().invoke(command, ["--json"], obj=Invocation())
    found = json.loads(result.stdout)
    assert found["segments"] == []
    first, second = found["waiting"]
    assert (first["segmentation"], first["customers"], first["customers_needed"]) == ("behaviour", 41, 100)
    assert second == {"segmentation": "value"}
