"""Issue 13, item 25: nothing stays blank while something takes long."""

import io
import time

import pytest

from streamseg.commands._progress import working
from streamseg.commands._sending import wait_until_absorbed
from streamseg.settings import load_settings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_long_says_so_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.commands._progress.FIRST_LINE_SECONDS", 0.01)
    for stream, says in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        with working("reading all rows"):
            time.sleep(0.1)
        assert ("reading all rows (0 s)" in stream.getvalue()) is says


def test_waiting_for_workers_says_how_much_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lags = iter([{("t", 0): 1_500 - n} for n in range(20)] + [{("t", 0): 0}] * 6)
    asked: list[object] = []
    monkeypatch.setattr("streamseg.wiring.kafka_clients.input_ends", lambda _: {("t", 0): 1_500})

    def lag(_: object, ends: object) -> dict[tuple[str, int], int]:
        asked.append(ends)
        return next(lags)

    monkeypatch.setattr("streamseg.wiring.kafka_clients.group_lag", lag)
    monkeypatch.setattr("streamseg.commands._sending.POLL_SECONDS", 0.002)
    monkeypatch.setattr("streamseg.commands._sending.SAY_SECONDS", 0.01)
    wait_until_absorbed(load_settings(), 10.0)
    assert "waiting for the workers: 1,4" in capsys.readouterr().err
    assert asked == [{("t", 0): 1_500}] * 26, "what is sent later, such as probes, is not waited for"
