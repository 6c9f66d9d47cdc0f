"""A command whose options are the fields of a settings model."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.settings_file import keys_of
from tests.defocus import settings_of_greet

if TYPE_CHECKING:
    from tests.defocus.settings_of_greet import Greeting

HEADINGS = ("Words", "Numbers")


@click.command(
    cls=SettingsCommand, models=settings_of_greet.__name__, headings=HEADINGS
)
@click.argument("place")
def greet(place: str, greeting: "Greeting") -> None:
    """Greet."""
    click.echo(f"{place} {dict(greeting)}")


def test_every_kind_of_field_is_read():
    typed = "there --number 2 --rate 0.5 --names a,b --file x --file y --quietly --tone rude"
    result = CliRunner().invoke(greet, typed.split())
    greeting = settings_of_greet.Greeting(
        number=2,
        rate=0.5,
        names=("a", "b"),
        files=(Path("x"), Path("y")),
        loud=False,
        tone="rude",
    )
    assert result.output == f"there {dict(greeting)}\n"
    result = CliRunner().invoke(greet, ["there"])
    assert result.output == f"there {dict(settings_of_greet.Greeting())}\n"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (
            "--number 10",
            "Invalid value for '--number': 10 is not in the range 1<=x<=9.",
        ),
        ("--rate 0", "Invalid value for '--rate': 0.0 is not in the range x>0."),
        ("--share 1", "Invalid value for '--share': 1.0 is not in the range 0<=x<1."),
        ("--rate nan", "Invalid value for '--rate': 'nan' is not a finite number."),
        (
            "--tone loud",
            "Invalid value for '--tone': 'loud' is not one of 'kind', 'rude'.",
        ),
        ("--names=a_b", "Invalid value for '--names': 'a b' has a space; write a,b"),
        ("--tone rude", "--tone rude needs --quietly"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(typed, message):
    words = [word.replace("_", " ") for word in typed.split()]
    result = CliRunner().invoke(greet, ["there", *words])
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == f"Error: {message}"


def test_a_folder_is_no_file(tmp_path):
    file = tmp_path / "a.txt"
    file.touch()
    result = CliRunner().invoke(greet, ["there", "--folder", str(file)])
    message = f"Invalid value for '--folder': Directory '{file}' is a file."
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        2,
        f"Error: {message}",
    )


def test_the_help_has_headings_in_order_and_joined_texts():
    text = CliRunner().invoke(greet, ["--help"]).output
    words = [
        "Words:\n",
        "--tone [kind|rude]",
        "--file FILE",
        "Numbers:\n",
        "--number N",
        "--rate",
    ]
    assert [text.index(word) for word in words] == sorted(
        text.index(word) for word in words
    )
    assert "How often, over a text that goes on. [default: 1; 1<=x<=9]" in " ".join(
        text.split()
    )
    assert keys_of(settings_of_greet.Greeting) == {
        "number", "rate", "share", "tone", "names", "file", "folder", "loud",
    }  # fmt: skip
