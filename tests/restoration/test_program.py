"""One command under two names: ``defocus-restore`` and ``defocus-bench restore``."""

import os
import subprocess
import sys
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from defocus import __version__
from defocus.command_line.commands import command_group, single_command
from defocus.restoration.command import command
from tests.command_process import CHECKOUT
from tests.conftest import Run


def program() -> click.Command:
    return single_command("defocus-restore", command)


def second_name() -> click.Command:
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    found = group.get_command(click.Context(group), "restore")
    assert found is not None
    return found


def options_of(one: click.Command) -> list[list[str]]:
    return [option.opts for option in one.params]


def test_both_names_have_the_same_options() -> None:
    second = options_of(second_name())
    assert options_of(program()) == [*second, ["--version"]]
    assert options_of(second_name()) == second, "what a program has besides stays its own"


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_the_programs(word: str) -> None:
    CliRunner().invoke(command, ["--help"])  # click keeps its option of help
    done = CliRunner().invoke(program(), [word], prog_name="defocus-restore")
    assert done.exit_code == 0
    assert done.output.startswith("Usage: defocus-restore [OPTIONS] [IMAGES]...\n")
    assert "Common options:\n" in done.output


def test_the_version_is_the_packages() -> None:
    done = CliRunner().invoke(program(), ["--version"])
    assert (done.exit_code, done.output) == (0, f"defocus-restore, version {__version__}\n")


def test_its_variables_begin_with_its_name() -> None:
    words, variables = ["a.png", "--print-config"], {"DEFOCUS_RESTORE_STRENGTH": "0.5"}
    done = CliRunner().invoke(program(), words, prog_name="defocus-restore", env=variables)
    assert done.output.startswith("[defocus-restore]\n")
    assert "strength = 0.5  # environment\n" in done.output


@pytest.mark.parametrize("name", [("defocus-restore",), ("defocus-bench", "restore")])
def test_what_is_wrong_is_said_by_the_program_that_was_called(
    name: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((32, 48, 3), 90, np.uint8))
    unknown = run(*name, "a.png", "--baseline", "wienr")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith(f"{name[0]}: ")
    assert "did you mean 'wiener'" in unknown.stderr
    missing = run(*name, "a.png", "b.png", "--baseline", "wiener", "--strength", "0")
    assert missing.returncode == 2
    assert "b.png: no such picture or folder" in missing.stderr
    assert missing.stdout.startswith("restored/a.png: 48x32, 8 bits")
    done = run(*name, "a.png", "--baseline", "wiener", "--strength", "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("; done before\n")


@pytest.mark.full
def test_it_ends_well_where_nobody_reads_on() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = "from defocus.restoration.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "a.png", "--print-config"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
