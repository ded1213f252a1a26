"""The process that draws: vl-convert keeps Python's lock while it works, for seconds at first, and no page must wait.

It reads one question a line as JSON from its input, answers with eight bytes of length and then the drawing, and ends
with its input, so also when the console is killed.
"""

import os
import signal
import sys
from typing import Any

import msgspec

LENGTH_BYTES = 8


class Question(msgspec.Struct):
    """What to draw: a spec of Vega-Lite as `svg` or `png`, or the `scripts` that draw one in a page."""

    form: str
    spec: dict[str, Any] = {}
    more: dict[str, Any] = {}
    """Arguments of the conversion by name."""


def answer(asked: Question) -> bytes:
    """Return what is asked for."""
    import vl_convert  # noqa: PLC0415 - takes 60 MB, which only this process needs

    if asked.form == "svg":
        return str(vl_convert.vegalite_to_svg(asked.spec, **asked.more)).encode()
    if asked.form == "png":
        return bytes(vl_convert.vegalite_to_png(asked.spec, **asked.more))
    bundle: Any = vl_convert.javascript_bundle  # its types ask for a snippet of code, which it does not need
    return str(bundle()).encode()


def main() -> None:
    """Answer until the input ends."""
    os.nice(5)  # pages go first
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the console, whose end is ours
    decode = msgspec.json.Decoder(Question).decode
    for line in sys.stdin.buffer:
        drawn = answer(decode(line))
        sys.stdout.buffer.write(len(drawn).to_bytes(LENGTH_BYTES) + drawn)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
