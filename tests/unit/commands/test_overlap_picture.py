"""The picture of the overlap says of when and how many it is, and can be read by everybody."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from streamseg.commands._overlap_picture import check_pictures, heat_map, write_picture
from streamseg.errors import StreamsegError
from streamseg.service.overlap import AudienceOverlap, Overlap, OverlapRow
from tests.support.text_output import AT, answer, run


def row(audience: str, segmentation: str, segment: str, lift: float) -> OverlapRow:
    return OverlapRow(audience, segmentation, f"{segmentation}-{segment}", 10, 0.25, 0.5, lift, 3, 0, 0.4)


OVERLAP = Overlap(
    as_of=AT,
    customers=12_345,
    rows=[row("win-back", "behaviour", "k7q2", 9.0), row("few", "behaviour", "m3xw", 0.1), row("few", "value", "a", 1)],
    audiences=[
        AudienceOverlap("win-back", "behaviour", 412, 3, 0, is_too_small=False),
        AudienceOverlap("few", "behaviour", 31, 0, 0, is_too_small=True),
    ],
)
LABELS = {"behaviour-k7q2": "Daily Athletes", "behaviour-m3xw": "Weekend Browsers"}


def test_the_picture_names_customers_moment_and_audiences_that_are_too_small() -> None:
    document = heat_map(OVERLAP, LABELS)
    told = json.dumps(document)
    for said in ("12,345 customers, as of", "win-back (412)", "few (31, too small)", "Daily Athletes", "value-a"):
        assert said in told
    assert [panel["title"]["text"] for panel in document["hconcat"]] == ["behaviour", "value"]
    colours = document["hconcat"][0]["layer"][0]["encoding"]["color"]["scale"]
    assert (colours["scheme"], colours["domain"], colours["domainMid"]) == ("purpleorange", [0.25, 4.0], 1)
    cells = [cell for cells in document["datasets"].values() for cell in cells] if "datasets" in document else []
    assert all(0.25 <= cell["told"] <= 4 for cell in cells)


def test_segments_of_one_label_stay_apart() -> None:
    told = json.dumps(heat_map(OVERLAP, dict.fromkeys(LABELS, "Daily Athletes")))
    assert "behaviour-k7q2" in told
    assert "behaviour-m3xw" in told


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_the_ending_of_the_file_tells_the_format(ending: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"overlap.{ending}"
    check_pictures(path)
    write_picture(path, OVERLAP, LABELS)
    assert path.read_bytes().startswith(begins)


def test_the_command_writes_the_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    catalogue = {segment: {"label": label} for segment, label in LABELS.items()}
    monkeypatch.setattr("streamseg.wiring.build_audiences.overlap", answer(OVERLAP))
    monkeypatch.setattr("streamseg.wiring.build_service.read_catalogue", answer(catalogue))
    output = run("overlap", "--output", str(tmp_path / "o.svg")).output
    assert "Daily Athletes" in (tmp_path / "o.svg").read_text()
    assert "too small" in output
    assert "no data of campaigns yet" in " ".join(output.split())


def test_without_the_library_or_with_another_ending_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(StreamsegError, match=r"pictures end in \.svg or \.png"):
        check_pictures(tmp_path / "overlap.gif")
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "altair":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StreamsegError, match=r"pip install 'streamseg\[pictures\]'"):
        check_pictures(tmp_path / "overlap.svg")
