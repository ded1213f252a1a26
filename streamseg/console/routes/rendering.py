"""Writes pages from templates, as a whole or only the parts that are kept up to date."""

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from json import dumps
from typing import Any, Final

import jinja2

from streamseg.console.pages.every_page import NAVIGATION
from streamseg.console.pages.view import Page, Reader, View, utc
from streamseg.console.texts import texts
from streamseg.language import languages, messages

PACKAGE: Final = "streamseg.console"
LIVE: Final = "live_"
"""Blocks of templates whose names begin so are sent again when they change."""


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(PACKAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"utc": utc, "version": _version}
    made.globals |= {
        "asset": asset,
        "navigation": NAVIGATION,
        "languages": {code: messages(code)["form"]["name"] for code in languages()},
    }
    pieces: Any = made.get_template("pieces.html").module
    made.globals |= {
        name: getattr(pieces, name)
        for name in ("cell", "chart", "drop", "edits", "movers_list", "reasons", "table", "when")
    }
    return made


def prepare_templates() -> None:
    """Read and compile all templates and texts, which takes longer than a page may."""
    made = _environment()
    for name in made.list_templates():
        made.get_template(name)
    for language in languages():
        texts(language)


def page_text(page: Page, view: View, reader: Reader, **more: Any) -> str:
    """Return the whole page."""
    return _environment().get_template(page.template).render(_facts(view, reader) | more | {"place": page.place})


def plain_text(template: str, **facts: Any) -> str:
    """Return a page that needs no view."""
    return _environment().get_template(template).render(facts)


def live_parts(page: Page, view: View, reader: Reader, **more: Any) -> dict[str, str]:
    """Return the parts of a page that change, by name."""
    template = _environment().get_template(page.template)
    context = template.new_context(_facts(view, reader) | more | {"place": page.place})
    return {name: "".join(block(context)) for name, block in template.blocks.items() if name.startswith(LIVE)}


@cache
def asset_bytes(name: str) -> bytes:
    """Return a file of `assets/`. Raises `FileNotFoundError`."""
    return (files(PACKAGE) / "assets" / name).read_bytes()


def asset(name: str) -> str:
    """Return the address of an asset; another content has another one, so that browsers may keep it for good."""
    known = asset_bytes(name) if name != "vega.js" else dumps(_versions()).encode()
    return f"/assets/{name}?v={blake2b(known, digest_size=6).hexdigest()}"


@cache
def _versions() -> list[str]:
    from importlib.metadata import version  # noqa: PLC0415 - for charts only

    return [version("vl-convert-python")]


def _facts(view: View, reader: Reader) -> dict[str, Any]:
    return {"view": view, "reader": reader, "t": reader.texts, "session": reader.session, **view.facts}


def _version(spec: Mapping[str, Any]) -> str:
    """Return a name of a chart's content: a page draws a chart again when it changes."""
    return blake2b(dumps(spec, sort_keys=True).encode(), digest_size=6).hexdigest()
