"""Draws specs by vl-convert, which needs no browser and no network, and gives the scripts that draw them in a page."""

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

WIDTH: Final = 860
"""Pixels of a chart that is downloaded; in a page it takes the width that there is."""
PADDING: Final = {"left": 28, "top": 12, "right": 16, "bottom": 12}
"""Pixels around it; labels at the left may be wider in the font of who looks than where they were measured."""
LOCALES: Final = {"en": "en-GB", "nl": "nl-NL", "sv": "sv-SE"}
"""Of d3, by language."""
SCALE: Final = 2.0
"""Pixels of a PNG for one of the chart, so that it is sharp on a slide."""


async def svg(spec: Mapping[str, Any], language: str) -> bytes:
    """Return the chart as SVG, its numbers and days written as in a language."""
    return await asyncio.to_thread(lambda: _engine().vegalite_to_svg(_fixed(spec), **_locale(language)).encode())


async def png(spec: Mapping[str, Any], language: str) -> bytes:
    """Return the chart as PNG, its numbers and days written as in a language."""
    return await asyncio.to_thread(lambda: _engine().vegalite_to_png(_fixed(spec), scale=SCALE, **_locale(language)))


async def scripts() -> bytes:
    """Return Vega, Vega-Lite and Vega-Embed as one script. It is made once."""
    return await asyncio.to_thread(_bundle)


def _locale(language: str) -> dict[str, str]:
    name = LOCALES.get(language, LOCALES["en"])
    return {"format_locale": name, "time_format_locale": name}


def _fixed(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "width": WIDTH, "background": "white", "padding": PADDING}


@cache
def _bundle() -> bytes:
    return str(_engine().javascript_bundle()).encode()


def _engine() -> Any:
    import vl_convert  # noqa: PLC0415 - takes 60 MB, which only charts need

    return vl_convert
