import json
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from defocus.command_line.commands import command_group
from defocus.command_line.numbers import FiniteRange
from defocus.errors import CameraError, InputError, StorageError
from tests.command_process import COMMANDS, run_python

HARNESS = """
import click, sys
from defocus.command_line.commands import run_command
from defocus.command_line.json_output import json_output
from defocus.errors import *

@click.group(name="defocus-test")
def group(): pass

@group.command()
@click.argument("kind")
def fail(kind):
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "full":
        import errno
        raise OSError(errno.ENOSPC, "No space left on device", "results.sqlite")
    if kind == "memory":
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
    if kind == "handles":
        try:
            raise OSError(24, "Too many open files", "a.png")
        except OSError as error:
            raise InputError("a.png: cannot be read") from error
    if kind == "temporary":
        import tempfile
        tempfile._candidate_tempdir_list = list
        tempfile.gettempdir()
    if kind == "code":
        return 1
    raise {"camera": CameraError, "input": InputError, "storage": StorageError}[kind]("two\\nlines")

@group.command()
def document():
    with json_output() as out:
        import os
        print("python noise")
        os.system("echo child noise")
        out.write({"value": None, "name": "größe"})

run_command(group)
"""


@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("input", InputError.exit_code),
        ("camera", CameraError.exit_code),
        ("storage", StorageError.exit_code),
        *(("interrupt", 130), ("full", 5), ("memory", 1), ("handles", 5), ("code", 1)),
        ("temporary", 5),
    ],
)
def test_errors_become_one_line_and_their_exit_code(kind, code):
    result = run_python(HARNESS, "fail", kind)
    assert (result.returncode, result.stdout) == (code, "")
    assert len(result.stderr.split("\n")[:-1]) - result.stderr.startswith("\n") == (
        kind != "code"
    )
    assert "Traceback" not in result.stderr


@pytest.mark.full
def test_stdout_holds_the_json_document_alone_and_wrong_usage_gives_2():
    result = run_python(HARNESS, "document")
    assert json.loads(result.stdout) == {"value": None, "name": "größe"}
    assert "python noise" in result.stderr
    assert "child noise" in result.stderr
    assert [run_python(HARNESS, word).returncode for word in ("nothing", "fail")] == [
        2,
        2,
    ]


LIST = "from defocus.datasets.cli import main; main()"


@pytest.mark.full
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("list", 0),
        ("list --json", 0),
        ("list --help", 0),
        ("list --no", 2),
        ("list no:", 2),
    ],
)
def test_a_command_whose_reader_has_left_ends_as_it_would(typed, code, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    reader, writer = os.pipe()
    os.close(reader)
    result = run_python(LIST, *typed.split(), stdout=writer)
    assert (result.returncode, bool(result.stderr)) == (code, code != 0)
    assert (
        run_python(LIST, *typed.split(), stdout=writer, stderr=writer).returncode
        == code
    )
    os.close(writer)


@pytest.mark.full
@pytest.mark.parametrize("typed", ["list", "list --json", "list --help"])
def test_a_command_whose_terminal_was_closed_ends_as_it_would(typed):
    screen, terminal = os.openpty()
    os.close(screen)
    result = run_python(LIST, *typed.split(), stdout=terminal, stderr=terminal)
    os.close(terminal)
    assert result.returncode == 0


@pytest.mark.full
@pytest.mark.parametrize("typed", ["list", "list --json", "list --help"])
def test_a_command_without_a_stream_or_with_a_full_one_ends_in_order(typed):
    for streams, code in ((">&-", 0), ("2>&- <&-", 0), (">/dev/full", 5)):
        words = [
            "bash",
            "-c",
            f'"$@" {streams}',
            "-",
            sys.executable,
            "-c",
            LIST,
            *typed.split(),
        ]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        lines = ["defocus-data: cannot write the output: the disk is full"] * (
            code == 5
        )
        assert (result.returncode, [line.split(";")[0] for line in result.stderr.splitlines()]) == (
            code, lines
        )  # fmt: skip


@pytest.mark.full
def test_another_broken_pipe_is_a_failure():
    broken = (
        "from defocus.datasets import api\n"
        "def broken(): raise BrokenPipeError(32, 'Broken pipe')\n"
        f"api.dataset_kinds = broken\n{LIST}"
    )
    result = run_python(broken, "list")
    assert result.returncode == 1
    assert result.stderr.startswith("defocus-data: a pipe to another process broke")


@pytest.mark.parametrize(
    "typed", ["nan", "-nan", "inf", "-inf", "NaN", "1e999", "0", "far", ""]
)
def test_what_is_no_number_is_wrong_usage(typed):
    with pytest.raises(click.BadParameter):
        FiniteRange(min=0, min_open=True).convert(typed, None, None)
    assert FiniteRange(min=0, min_open=True).convert("1.5", None, None) == 1.5


@pytest.mark.full
@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if one.startswith("defocus-")]
)
def test_help_imports_nothing_heavy(command):
    code = (
        f"import sys; sys.argv = ['{command}', '--help']\n"
        "import atexit\n"
        "heavy = {'torch', 'numpy', 'cv2', 'pandas', 'scipy', 'skimage', 'matplotlib', 'h5py'}\n"
        "atexit.register(lambda: print('heavy:', sorted(heavy & set(sys.modules))))\n"
        f"from {COMMANDS[command]} import main; main()"
    )
    result = run_python(code)
    assert "Other commands:" not in result.stdout, "each says its heading"
    assert "heavy: []" in result.stdout


@pytest.mark.full
def test_the_bar_of_failed_work_is_gone_before_the_error_is_told():
    work = (
        "import click\n"
        "from defocus.command_line.commands import run_command\n"
        "from defocus.errors import InputError\n"
        "from defocus.progress import track\n"
        "@click.command(name='defocus-test')\n"
        "def command():\n"
        "    items = track([1, 2], 'much work')  # which the error's traceback holds\n"
        "    for _ in items:\n"
        "        for _ in track([1, 2], 'its part'):\n"
        "            raise InputError('cannot be')\n"
        "run_command(command)\n"
    )
    screen, terminal = os.openpty()
    result = run_python(work, stderr=terminal, env={**os.environ, "TERM": "xterm"})
    assert result.returncode == InputError.exit_code
    os.close(terminal)
    shown = os.read(screen, 65536).decode()
    os.close(screen)
    bars, message = shown.rsplit("cannot be", 1)
    assert "much work" in bars
    assert "its part" in bars
    assert message == "\r\n", "no bar is drawn, or taken away, below the error"
    assert bars.rindex("\x1b[1A\x1b[J") > bars.rindex("its part"), (
        "both lines are taken away"
    )


@pytest.mark.parametrize(
    "words",
    # to the last 'chart' is not near
    ["restoer", "weights fetc", "fetch lpips", "benchmark"],
)
def test_an_unknown_command_gets_near_names(words, said, snapshot):
    group = command_group("defocus-bench", "defocus.benchmark.commands", "Train.")
    assert said(CliRunner().invoke(group, words.split())) == snapshot


@pytest.mark.parametrize(
    "words",
    # no '--to'
    ["table methods --format csv", "table methods --otu study", "table methods --zz"],
)
def test_an_unknown_option_gets_near_names(words, run, snapshot):
    assert (
        run("defocus-bench", *words.split(), code=2).stderr.splitlines()[-1] == snapshot
    )
