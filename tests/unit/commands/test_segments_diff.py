"""The tables that `segments diff` prints."""

import pytest

from streamseg.clustering.description.comparison import Comparison, Flow
from streamseg.commands.segments import _print_comparison


@pytest.mark.parametrize(("otherwise", "printed"), [(3, True), (0, False)])
def test_customers_that_move_in_small_flows_are_counted_in_one_line(
    capsys: pytest.CaptureFixture[str], otherwise: int, printed: bool
) -> None:
    flow = Flow("value-a", "worth-b", 7, ("p-1",))
    found = Comparison(20, 0, 0, 7 + otherwise, (7 + otherwise) / 20, (), (flow,), otherwise)
    _print_comparison(found, "value", "worth")
    lines = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    assert ["value-a", "worth-b", "7", "p-1"] in lines
    assert (["others", "3"] in lines) is printed
