"""A folder with modules named as those of the standard library: no program runs one of them."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.command_process import CHECKOUT, COMMANDS, run_command, start_code
from tests.verbs import PREPARED_FOR_SUBVERBS, SUBVERBS, VERBS, prepare, present

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        "DEFOCUS_FOREIGN_FOLDER" not in os.environ,
        reason="long: set DEFOCUS_FOREIGN_FOLDER to run each verb beside planted modules",
    ),
]

NAMES = (
    "base64", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "fractions",
    "functools", "hashlib", "inspect", "json", "logging", "numbers", "pickle", "queue", "random",
    "selectors", "shutil", "signal", "socket", "statistics", "string", "struct", "subprocess",
    "tempfile", "threading", "traceback", "typing", "zipfile",
)  # fmt: skip
"""Thirty modules that a process of Python imports while it starts or works."""

PLANTED = "open({marker!r}, 'w').close()\nraise ImportError('a stranger wrote this')\n"

NOT_SHOWN = "import sys; sys.path.remove(''); from {module} import main; main()"
"""As an installed program starts: the first entry of its path is not the working folder."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """A cache of this file's own, which all verbs share."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "DEFOCUS_CACHE": cache}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, environment) -> Path:
    """The folder of the verbs, as it is before one of them."""
    folder = tmp_path_factory.mktemp("prepared")

    def run(command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        done = run_command(COMMANDS[command], words, folder, environment)
        assert done.returncode == 0, done.stderr
        return done

    prepare(folder, run)
    for verb in present(PREPARED_FOR_SUBVERBS):
        run(verb.program, *verb.words)
    return folder


@pytest.fixture
def strange(prepared, tmp_path) -> Path:
    """A copy of it with the thirty modules; each leaves a file in ``markers`` where it runs."""
    folder = shutil.copytree(prepared, tmp_path / "strange")
    (tmp_path / "markers").mkdir()
    for name in NAMES:
        marker = str(tmp_path / "markers" / name)
        (folder / f"{name}.py").write_text(
            PLANTED.format(marker=marker), encoding="utf-8"
        )
    return folder


def ran_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder.parent / "markers").iterdir())


@pytest.mark.parametrize("verb", present((*VERBS, *SUBVERBS)), ids=str)
def test_no_verb_runs_a_module_of_the_folder_that_one_stands_in(
    verb, strange, environment
):
    code = NOT_SHOWN.format(module=COMMANDS[verb.program])
    with start_code(code, *verb.words, folder=strange, **environment) as process:
        said = "\n".join(process.communicate())
    assert process.returncode in verb.codes, said
    assert ran_in(strange) == []
    assert "a stranger wrote this" not in said


ONE_OF_EACH = {
    "defocus-restore": "restore portrait.png --weights w.pth",
    "defocus-capture": "capture cameras",
    "defocus-data": "data audit pairs:. --on 2 --out ../audit",
    "defocus-bench": "bench weights add unet w.pth",
}


@pytest.mark.parametrize("program", ONE_OF_EACH)
def test_nor_does_a_program_that_a_new_interpreter_starts(
    program, strange, environment
):
    """As it is installed: a file in another folder, which alone stands first on the path."""
    script = strange.parent / "bin" / program
    script.parent.mkdir()
    script.write_text(
        f"from {COMMANDS[program]} import main\nmain()\n", encoding="utf-8"
    )
    words = ONE_OF_EACH[program].split()[1:]
    start = partial(subprocess.run, capture_output=True, text=True, check=False)
    done = start([sys.executable, str(script), *words], cwd=strange, env=environment)
    assert done.returncode in {0, 2}, done.stderr
    assert ran_in(strange) == []


def test_the_thirty_are_modules_of_the_standard_library():
    assert len(set(NAMES)) == 30
    assert set(NAMES) <= sys.stdlib_module_names


def test_a_planted_module_leaves_a_mark_where_the_folder_is_searched(
    strange, environment
):
    """What the other tests look for does come where Python looks into its working folder."""
    command = [sys.executable, "-c", "import json"]
    done = subprocess.run(
        command, cwd=strange, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert ran_in(strange) == ["json"]
