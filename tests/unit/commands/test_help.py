"""Every command explains itself: help fits 80 columns, and each option has a text."""

from collections.abc import Iterator

import click
import pytest

from streamseg.commands import LazyGroup, streamseg

COLUMNS = 80


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    yield path, group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


ALL = dict(commands(streamseg, "streamseg"))


@pytest.mark.parametrize("path", ALL)
def test_help_fits_80_columns(path: str) -> None:
    context = click.Context(ALL[path], info_name=path, terminal_width=COLUMNS)

    assert max(map(len, ALL[path].get_help(context).splitlines())) <= COLUMNS


@pytest.mark.parametrize("path", ALL)
def test_every_option_has_a_text_that_ends_as_a_sentence_or_with_its_default(path: str) -> None:
    options = [one for one in ALL[path].params if isinstance(one, click.Option)]

    assert all((one.help or "")[:1].isupper() and (one.help or "")[-1:] in {".", "]"} for one in options)


@pytest.mark.parametrize("path", ALL)
def test_the_list_of_commands_is_not_cut(path: str) -> None:
    group = ALL[path]
    if isinstance(group, click.Group):
        assert "..." not in group.get_help(click.Context(group, terminal_width=COLUMNS)).partition("Commands:")[2]


def test_lazy_groups_summarise_every_command() -> None:
    lazy = [group for group in ALL.values() if isinstance(group, LazyGroup)]

    assert len(lazy) == 2
    assert all(len(group.list_commands(click.Context(group))) > 5 for group in lazy)
