"""Options that several commands share, so that they read alike everywhere."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.errors import SettingsError

if TYPE_CHECKING:
    from streamseg.sources.reading.mapping import FileMapping

json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
mapping_option: Final = click.option(
    "--mapping",
    "mappings",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="TOML",
    help="File that maps foreign columns, or the name of a shipped mapping (shopify, woocommerce,"
    " magento, ga4_bigquery, rees46, uci_online_retail, uci_online_retail_ii,"
    " online_retail). Give it once for all event"
    " files, or once for each in their order.",
)


def language_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--lang`."""
    from streamseg.language import languages

    return click.option(
        "--lang",
        "language",
        type=click.Choice(languages()),
        help="Language of labels and descriptions. Default: the setting descriptions.language.",
    )(command)


def mapping_of_each(mappings: Sequence[Path], files: int) -> "list[FileMapping | None]":
    """Load the values of `mapping_option`. Returns a mapping for each file, None without any.

    Raises `SettingsError` when a mapping is wrong, or their number does not fit that of the files.
    """
    from streamseg.sources.reading.mapping import load_mapping

    if len(mappings) not in {0, 1, files}:
        raise SettingsError(f"{len(mappings)} mappings for {files} files: give one for all, or one for each")
    loaded = [load_mapping(mapping) for mapping in mappings]
    return [*loaded] if len(loaded) == files else [next(iter(loaded), None)] * files


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--log-format` and `--log-level`."""
    for option in (
        click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            default="info",
            show_default=True,
            help="Lowest level of the logged lines.",
        ),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Format of the log lines on stderr.",
        ),
    ):
        command = option(command)
    return command


def sending_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--speed`, `--wait` and `--patience`, for commands that send events."""
    for option in (
        click.option(
            "--patience",
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="Time without progress after which --wait fails, in seconds.",
        ),
        click.option(
            "--wait",
            is_flag=True,
            help="Wait until the workers have processed everything, and relearned after a backfill.",
        ),
        click.option(
            "--speed",
            type=Speed(),
            default="max",
            show_default=True,
            help="Multiple of real time, such as 100x, or max.",
        ),
    ):
        command = option(command)
    return command


class Speed(click.ParamType):
    """`max`, or a multiple of real time such as `100x`."""

    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Seconds of event time per second; None for max."""
        from streamseg.sources.sending import parse_speed

        try:
            return parse_speed(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither max nor a multiple such as 100x", param, ctx)


class Duration(click.ParamType):
    """Seconds, as `90`, `90s` or `2m`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        matched = re.fullmatch(r"(\d+(?:\.\d+)?)([sm]?)", str(value))
        if not matched:
            self.fail(f"{value!r} is not a duration such as 60s or 2m", param, ctx)
        return float(matched[1]) * (60.0 if matched[2] == "m" else 1.0)
