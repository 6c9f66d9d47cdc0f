"""Help texts: first lines that fit their list, and long commands with headings."""

from collections import Counter
from collections.abc import Iterator

import click
import pytest

from defocus.command_line.commands import SectionedCommand, command_group
from defocus.command_line.numbers import FiniteRange
from defocus.command_line.options import OPTIONS, PLUGIN

LONGEST_FIRST_LINE = 45
MOST_OPTIONS_IN_ONE_LIST = 9


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """All commands below a group, each with its words on the command line."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            member = command.get_command(context, name)
            assert member is not None
            yield f"{path} {name}", member
            yield from commands(member, f"{path} {name}")


ALL = [
    pytest.param(command, id=path)
    for program, stage in (
        ("capture", "capture"),
        ("data", "datasets"),
        ("bench", "benchmark"),
    )
    for path, command in commands(
        command_group(f"defocus-{program}", f"defocus.{stage}.commands", ""), program
    )
]


@pytest.mark.parametrize("command", ALL)
def test_the_first_line_fits_its_list(command):
    assert command.help
    first = command.help.strip().splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= LONGEST_FIRST_LINE
    assert not command.get_short_help_str(LONGEST_FIRST_LINE).endswith("...")


@pytest.mark.parametrize("command", ALL)
def test_options_have_help_and_long_commands_headings(command):
    typed = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.opts for option in typed if not option.help] == []
    words = Counter(word for option in command.params for word in option.opts)
    assert [word for word, count in words.items() if count > 1] == [], (
        "one name for two options"
    )
    numbers = [
        one
        for one in command.params
        if isinstance(one.type, click.types.FloatParamType)
    ]
    assert [one.name for one in numbers if not isinstance(one.type, FiniteRange)] == []
    options = {one.opts[0] for one in typed if one not in (*OPTIONS, PLUGIN)}
    if not isinstance(command, SectionedCommand):
        assert len(options) <= MOST_OPTIONS_IN_ONE_LIST
        return
    under_headings = [
        option for section in command.sections.values() for option in section
    ]
    assert sorted(under_headings) == sorted(options)
    text = command.get_help(click.Context(command))
    assert [
        heading for heading in command.sections if f"{heading}:\n" not in text
    ] == []
    assert text.count("--quiet") == 1


def test_a_word_has_one_name_in_all_commands():
    options = [
        x for case in ALL for x in case.values[0].params if isinstance(x, click.Option)
    ]
    named = {(max(one.opts, key=len), one.name) for one in options if one.expose_value}
    assert len(named) > 100
    assert [
        word for word, count in Counter(word for word, _ in named).items() if count > 1
    ] == []
