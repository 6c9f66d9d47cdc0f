"""Commands of extras, of other packages and of plug-in files; broken ones are warnings."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import defocus.extras
from defocus.benchmark.metrics.metric import _metrics_beside, all_metrics
from defocus.command_line.commands import command_group
from defocus.datasets.api import reader_names
from defocus.errors import RegistryError
from defocus.plugins import extensions
from tests.brought import forgotten

__all__ = ["forgotten"]

HELLO = """
import click

@click.command()
@click.argument("name")
@click.option("-v", "voice", default="low")
def command(name: str, voice: str) -> None:
    \"\"\"Say hello.\"\"\"
    click.echo(f"hello {name}, {voice}")
"""
HEADED = HELLO.replace(
    "@click.command",
    'from defocus import help_heading\n\n@help_heading("Greet")\n@click.command',
)


def bench(*words: str | Path) -> Result:
    group = command_group(
        "defocus-bench", "defocus.benchmark.commands", "", headings=("Run",)
    )
    return CliRunner().invoke(group, list(map(str, words)))


@pytest.fixture
def extra(tmp_path, monkeypatch):
    """The folder of an extra that is there for one test."""
    monkeypatch.setattr(
        defocus.extras, "__path__", [*defocus.extras.__path__, str(tmp_path)]
    )
    folder = tmp_path / "greetings"
    (folder / "commands").mkdir(parents=True)
    return folder


def test_an_extra_brings_its_commands_and_takes_them_away(extra):
    (extra / "commands" / "bench_say_hello.py").write_text(HEADED)
    # of another program: not loaded
    (extra / "commands" / "data_greet.py").write_text("1 / 0")
    (extra / "commands" / "_words.py").write_text("1 / 0")  # no command
    result = bench("--help")
    assert result.stderr == ""
    headings = [line for line in result.output.splitlines() if line.endswith(":")]
    assert headings[:2] == ["Options:", "Run:"], "the program's own order"
    assert re.match(r"  say-hello +Say hello\.\n", result.output.split("Greet:\n")[1])
    assert (
        bench("say-hello", "you", "-v", "loud", "--quiet").output == "hello you, loud\n"
    )
    shutil.rmtree(extra)
    assert "did you mean" not in bench("say-hello").output
    assert bench("say-hello").exit_code == 2


def test_a_broken_command_is_a_warning_and_the_others_work(extra, placeless, snapshot):
    commands = extra / "commands"
    (commands / "bench_broken.py").write_text("import nowhere_at_all")
    (commands / "bench_leaves.py").write_text("raise SystemExit(3)")
    (commands / "bench_number.py").write_text("command = 7")
    (commands / "bench_run.py").write_text(HELLO)
    (commands / "hello.py").write_text(HELLO)
    result = bench("--help")
    assert result.exit_code == 0
    assert "  restore " in result.stdout
    assert placeless(result.stderr) == snapshot
    assert isinstance(bench("broken").exception, RegistryError)
    assert bench("list", "--help").stderr == "", "what is ours does not look at others"


def test_an_entry_point_is_a_command(tmp_path, monkeypatch, snapshot):
    (tmp_path / "their_hello.py").write_text(HELLO)
    information = tmp_path / "their-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: their\nVersion: 1\n"
    )
    (information / "entry_points.txt").write_text(
        "[defocus.commands]\n"
        "bench_hello = their_hello:command\n"
        "bench_away = their_hello:away\n"
        "data_hello = nowhere:at_all\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_hello", raising=False)
    assert bench("hello", "you").output == "hello you, low\n"
    assert "their_hello" in sys.modules
    result = bench("--help")
    assert "Other commands:\n  hello " in result.stdout
    assert result.stderr == snapshot


def test_a_plugin_file_has_commands_and_groups(tmp_path, refused):
    path = tmp_path / "mine.py"
    path.write_text(
        "import click\n\n\n"
        "@click.group()\ndef bench_words() -> None:\n    '''Say words.'''\n\n\n"
        "@bench_words.command()\ndef hello() -> None:\n    '''Say hello.'''\n    print('hello')\n"
    )
    assert (
        "No such command 'words'"
        in bench("words", "hello", "--", "--plugin", path).output
    )
    assert bench("words", "hello", f"--plugin={path}").output == "hello\n"
    assert bench("words", "hello").output == "hello\n", "it is loaded now"
    assert bench("--plugin", path, "words", "hello").output == "hello\n"
    assert re.search(
        r"\n  words +Say words\.\n", bench("--plugin", path, "--help").output
    )
    assert extensions.plugin_arguments() == ["--plugin", str(path)], (
        "other processes have it too"
    )
    path.write_text("import click\n\n\n@click.command()\ndef hello() -> None: ...\n")
    with refused(RegistryError):
        extensions.load_plugin(path)


def test_a_broken_file_of_a_parent_process_is_a_warning_in_help(
    tmp_path, monkeypatch, placeless, snapshot
):
    (tmp_path / "mine.py").write_text("1 / 0\n")
    monkeypatch.setenv(extensions.ENVIRONMENT, str(tmp_path / "mine.py"))
    result = bench("--help")
    assert result.exit_code == 0
    assert placeless(result.stderr) == snapshot


def test_an_extra_brings_metrics_and_readers_too(extra):
    (extra / "metrics").mkdir()
    (extra / "readers").mkdir()
    (extra / "metrics" / "bias.py").write_text(
        "from defocus import Metric\n\n"
        "METRIC = Metric('bias', 'Bias', 'lower', '', 4, lambda a, b, mask, profile: 0.0)\n"
    )
    (extra / "metrics" / "broken.py").write_text("1 / 0\n")
    (extra / "readers" / "focus_twins.py").write_text("def read(folder): ...\n")
    _metrics_beside.cache_clear()
    assert "bias" in all_metrics()
    assert "focus-twins" in reader_names()


ADDED = """
import click

from defocus.command_line.options import AddedOptions


def run(own, *, greet, **asked):
    if greet:
        click.echo(f"hello {asked['out']}")
        return 0
    return own(**asked)


ADDED = AddedOptions((click.Option(["--greet"], is_flag=True, help="Say hello."),), run, "Output")
"""


def test_an_extra_adds_options_to_a_command(extra, tmp_path, snapshot):
    (extra / "options").mkdir()
    (extra / "options" / "bench_status.py").write_text(ADDED)
    # of another command: not loaded
    (extra / "options" / "bench_run.py").write_text("1 / 0")
    (extra / "options" / "bench_score.py").write_text("ADDED = 7")
    assert bench("status", "--greet", "--out", "here").output == "hello here\n"
    assert "no study there" in str(
        bench("status", "--out", tmp_path / "none").exception
    )
    assert "--greet" in bench("status", "--help").stdout
    assert bench("score", "--help").stderr == snapshot
    shutil.rmtree(extra)
    assert "--greet" not in bench("status", "--help").output


def test_added_options_stand_under_their_heading(extra):
    (extra / "options").mkdir()
    (extra / "options" / "bench_restore.py").write_text(ADDED)
    output = bench("restore", "--help").output.split("Output:\n")[1].split("\n\n")[0]
    assert "  --greet " in output
