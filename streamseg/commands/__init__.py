"""The `streamseg` command: one file per sub-command, imported when it is asked for."""

import importlib
import importlib.util
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.errors import LayoutMismatchError, SettingsError, StreamsegError

if TYPE_CHECKING:
    from streamseg.settings import Settings

COMMANDS: Final = {
    "advise-k": "how many segments the data speak for",
    "api": "serve the memberships over HTTP",
    "bench": "measure: throughput, latency, growth, recovery, scaling, serving, clustering",
    "check-config": "print the settings in force, secrets masked",
    "dead-letters": "list rejected records, or send them in again",
    "demo": "the whole path in one terminal, nothing set up before",
    "evaluate": "compare the live memberships with a truth file",
    "fuzz": "throw broken records at the decoder",
    "keys": "make, list, rotate and revoke API keys",
    "lookup": "one customer's membership",
    "promote": "make a segmentation in shadow public",
    "rebuild": "make the rows anew from the log, after a change of layout",
    "replay": "send events from files",
    "schemas": "write or check schemas/",
    "segments": "the segments: sizes, descriptions, history, names, who would move",
    "simulate": "send the events of FitGear, a simulated shop",
    "topics": "make or check the topics",
    "verify": "compare the store with the log",
    "webhooks": "subscribers of membership changes",
    "worker": "take events and keep memberships current",
}


@dataclass
class Invocation:
    """What stands before the sub-command; `ctx.obj` of every command."""

    file: Path | None = None
    given: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> "Settings":
        """The settings in force. Raises `SettingsError`."""
        from streamseg.settings import load_settings

        return load_settings(self.file, **self.given)


class LazyGroup(click.Group):
    """A group whose commands live in modules of the same name, each with a click command `command`."""

    def __init__(self, package: str, commands: dict[str, str], **attrs: Any) -> None:
        super().__init__(**attrs)
        self._package = package
        self._summaries = {
            name: text
            for name, text in commands.items()
            if importlib.util.find_spec(f"{package}.{name.replace('-', '_')}")
        }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """All of them, without importing any."""
        return sorted(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import the module of one."""
        if cmd_name not in self._summaries:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in --help."""
        if self._summaries:
            with formatter.section("Commands"):
                formatter.write_dl([(name, self._summaries[name]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup, package=__name__, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="TOML file; default: ./streamseg.toml if there."
)
@click.version_option(package_name="streamseg")
@click.pass_context
def streamseg(ctx: click.Context, file: Path | None) -> None:
    """Customer segments from streams of clicks and purchases."""
    ctx.obj = Invocation(file)


def main() -> None:
    """Run the command; a mistake ends with one line on stderr, settings and usage with exit code 2."""
    try:
        code = streamseg(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except StreamsegError as error:
        sys.exit(tell(error))


def tell(error: StreamsegError) -> int:
    """Say what went wrong, in one line on stderr; the exit code."""
    click.echo(f"streamseg: {error}", err=True)
    return 2 if isinstance(error, SettingsError | LayoutMismatchError) else 1
