"""Issue 13, item 25: the demo fits the terminal, and shows first what matters."""

import io
from typing import Any

import pytest
from rich.console import Console

from streamseg.commands.demo._measures import Measures, Move
from streamseg.commands.demo._screen import render

WIDTH = 80
AT = 1_795_415_998
LONG = "a-very-long-name-" * 6
SEGMENT = {"label": LONG, "description": "They bring 80% of the value. " * 9, "size": 1_234_567, "share": 0.21}


def segments_of_the_demo(count: int) -> list[dict[str, Any]]:
    return [SEGMENT | {"id": f"behaviour-{n:04}", "label": f"segment {n} {LONG}"} for n in range(count)]


def drawn(measures: Measures, lines: int, width: int = WIDTH) -> list[str]:
    console = Console(width=width, height=lines, file=io.StringIO(), force_terminal=False)
    console.print(render(measures, "Kafka 127.0.0.1:39001 · " * 5, width, lines))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("lines", [8, 12, 19, 24, 60])
@pytest.mark.parametrize("count", [0, 3, 6, 20])
def test_the_demo_fits_the_terminal_and_shows_first_what_matters(lines: int, count: int) -> None:
    measures = Measures(events=123_456_789, customers=1_234_567, events_per_second=123_456.7, p50=12.3, p99=123.4)
    measures.moves, measures.rejected, measures.now = 1_234_567, 1_234_567, AT
    measures.segments = segments_of_the_demo(count)
    measures.latest.extend([Move(f"c-{n}", "behaviour-0000", "behaviour-0001", AT) for n in range(8)])
    shown = drawn(measures, lines)
    assert len(shown) <= lines
    assert max(map(len, shown)) <= WIDTH
    assert "123,456,789 events" in shown[1]
    text = "\n".join(shown)
    if count:
        assert text.count(" behaviour-") == min(count, lines - 5), "a line for each segment, before all else"
    if 0 < count <= 6 and lines >= 19:
        assert "c-0" in text, "the latest move"
    if count == 3 and lines == 60:
        assert text.count("They bring") >= 24, "descriptions where there is room"
        assert "127.0.0.1:39001" in text


def test_the_demo_shows_each_declared_segmentation_in_a_line() -> None:
    measures = Measures(
        declared={"status": [{"label": "Customers", "size": 1_200}, {"label": "Prospects", "size": 80}]}
    )
    assert "status Customers 1,200 · Prospects 80" in drawn(measures, 24)
