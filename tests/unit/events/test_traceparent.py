"""Which events are traced: those whose producer says that it samples their trace."""

import pytest

from streamseg.events.traceparent import TraceParent, sampled_parent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("value", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-03", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_sampled_trace_is_followed(value: str) -> None:
    headers = (("ce_type", b"x"), ("traceparent", value.encode()))
    assert sampled_parent(headers) == TraceParent(int(TRACE, 16), int(SPAN, 16))


@pytest.mark.parametrize(
    "value",
    [
        f"00-{TRACE}-{SPAN}-00",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-01",
        "",
        "\x00",
    ],
)
def test_any_other_header_is_none(value: str) -> None:
    assert sampled_parent((("traceparent", value.encode()),)) is None
    assert sampled_parent((("traceparent", None),)) is None
    assert sampled_parent(()) is None
