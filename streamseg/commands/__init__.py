"""The `streamseg` command. Each sub-command is a module that is imported on first use, so that `--help` is fast."""

import importlib
import os
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands._text import folded
from streamseg.errors import LayoutMismatchError, ServerUnavailableError, SettingsError, StoreLoginError, StreamsegError

if TYPE_CHECKING:
    from streamseg.settings import Settings

COMMANDS: Final = {
    "advise-k": "Suggest the number of segments for the live customers.",
    "api": "Serve memberships over HTTP.",
    "audit": "Print who changed what.",
    "audiences": "List, preview, add and drop audiences.",
    "bench": "Measure throughput, latency, growth and more.",
    "check-config": "Print the settings in force.",
    "console": "Serve pages for people who decide.",
    "dead-letters": "List rejected records, or send them again.",
    "demo": "Run the whole path in this terminal.",
    "evaluate": "Compare memberships with a truth file.",
    "features": "List all features with unit and meaning.",
    "fuzz": "Send broken records through the decoder.",
    "keys": "Create, list, rotate and revoke API keys.",
    "lists": "Upload, show and drop lists of customers.",
    "lookup": "Print the membership of one customer.",
    "overlap": "Compare audiences with segments.",
    "promote": "Make a shadow segmentation public.",
    "rebuild": "Rebuild all rows from the log.",
    "replay": "Send events from files.",
    "schemas": "Write or check the schema files.",
    "segments": "List, rename, compare and drop segments.",
    "settings": "List all settings with default and meaning.",
    "simulate": "Send the events of a simulated shop.",
    "size": "Compute what a load needs, and its cost.",
    "status": "Show whether memberships are fresh and right.",
    "topics": "Create or check the Kafka topics.",
    "verify": "Compare the store with the log.",
    "webhooks": "Manage and run webhooks.",
    "worker": "Process events and keep memberships current.",
}


FAILED: Final = 1
"""Exit code: what was asked for is not so, for example an unknown id or a difference that `verify` found."""
EXIT_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (SettingsError, 2),
    (LayoutMismatchError, 2),
    (StoreLoginError, 2),
    (ServerUnavailableError, 3),
    (StreamsegError, FAILED),
    (TimeoutError, 3),
    (ConnectionError, 3),
    (OSError, 2),
)
"""The exit code of each kind of error: the first that fits. Usage errors have 2 too, by click; success has 0. The table
for people is in deploy/README.md."""


@dataclass
class Invocation:
    """The options before the sub-command; `ctx.obj` of every command."""

    file: Path | None = None
    """Settings file."""
    given: dict[str, Any] = field(default_factory=dict)
    """Settings that override the file and the environment."""

    @cached_property
    def settings(self) -> "Settings":
        """The settings in force, loaded once. Raises `SettingsError`."""
        from streamseg.settings import load_settings

        return load_settings(self.file, **self.given)


class LazyGroup(click.Group):
    """A group that imports the module of a command on first use.

    The module has the command's name in `package` and defines `command`. `commands` maps names to summaries.
    """

    def __init__(self, package: str, commands: dict[str, str], **attrs: Any) -> None:
        super().__init__(**attrs)
        self._package = package
        self._summaries = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Names of all commands; imports none."""
        return sorted(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import the module of the command; None for an unknown name."""
        if cmd_name not in self._summaries:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands in `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summaries[name]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup, package=__name__, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path),
    metavar="TOML",
    help="Settings file.  [default: ./streamseg.toml if it exists]",
)
@click.version_option(package_name="streamseg")
@click.pass_context
def streamseg(ctx: click.Context, file: Path | None) -> None:
    """Compute customer segments from streams of clicks and purchases."""
    ctx.obj = Invocation(file)


def main() -> None:
    """Run the command. Errors print one line on stderr; the exit code is that of `EXIT_CODES`."""
    try:
        code = streamseg(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except (StreamsegError, OSError) as error:
        sys.exit(print_error(error))


def print_error(error: StreamsegError | OSError) -> int:
    """Print the error as one line on stderr, folded on a terminal. Returns the exit code."""
    line = f"streamseg: {str(error) or type(error).__name__}"
    click.echo(folded(line) if sys.stderr.isatty() else line, err=True)
    return exit_code(error)


def exit_code(error: Exception) -> int:
    """Return the exit code of an error, by `EXIT_CODES`."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), FAILED)
