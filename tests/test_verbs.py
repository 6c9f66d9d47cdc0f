"""The table of verbs, of which others make trials, has every verb of every program."""

from collections.abc import Iterator

import click
import pytest

from defocus.command_line.verbs import command_of, find_verbs
from defocus.plugins.extensions import PROGRAMS
from tests.command_process import COMMANDS
from tests.verbs import SUBVERBS, VERBS

HOMES = {
    "capture": "defocus.capture.commands",
    "data": "defocus.datasets.commands",
    "bench": "defocus.benchmark.commands",
}


def words_of(program: str) -> Iterator[tuple[str, ...]]:
    """Words of each verb of a program, of groups those of each of their commands."""
    for verb, offer in find_verbs(program, HOMES[program]).items():
        command = command_of(offer)
        if not isinstance(command, click.Group):
            yield (verb,)
            continue
        for name in command.list_commands(click.Context(command)):
            yield (verb, name)


@pytest.mark.parametrize("program", HOMES)
def test_every_verb_is_tried(program):
    tried = [
        verb.words
        for verb in (*VERBS, *SUBVERBS)
        if verb.program == f"defocus-{program}"
    ]
    every = list(words_of(program))
    assert [
        words for words in every if words not in {one[: len(words)] for one in tried}
    ] == []


def test_every_program_is_tried():
    programs = {name for name in COMMANDS if name.startswith("defocus-")}
    assert {verb.program for verb in VERBS} == programs
    assert programs == {"defocus-restore", *(f"defocus-{one}" for one in PROGRAMS)}
    assert set(HOMES) == set(PROGRAMS)
