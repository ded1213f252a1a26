"""Command lines that files under `deploy/` hold."""

from collections.abc import Iterable

import click

from streamseg.commands import streamseg


def check_command_line(words: Iterable[object]) -> None:
    """Parse the words after `streamseg`. Raises what click raises for an unknown command, option or value."""
    command: click.Command = streamseg
    arguments = [str(word) for word in words]
    context = click.Context(command)
    while isinstance(command, click.Group):
        found = command.get_command(context, arguments.pop(0))
        assert found is not None, arguments
        command, context = found, click.Context(found, context)
    command.make_parser(context).parse_args(arguments)
