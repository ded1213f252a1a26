"""Issue 13, item 25: lines break at spaces, and epoch seconds are shown as times."""

import pytest

from streamseg.commands._text import columns, folded, printable, utc

WIDTH = 80
AT = 1_795_415_998


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def test_lines_break_at_spaces_and_long_words_are_not_lost() -> None:
    text = folded("word " * 40 + "x" * 100)
    assert columns() == WIDTH
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "".join(text.split()) == "word" * 40 + "x" * 100


def test_times_are_iso_in_utc() -> None:
    assert utc(AT + 0.75) == "2026-11-23T06:39:58Z"
    assert utc(None) == ""


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\r\nc") == "a\ufffd[31mb\ufffd\nc"
