"""Child processes of Python: where they look for modules, and who may start some."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from defocus.errors import DefocusError, InputError
from defocus.plugins import consent
from defocus.processes import children
from defocus.processes.children import (
    SAFE_PATH,
    outside_environment,
    python_command,
    python_environment,
    run_python,
    starting_python,
)
from tests.command_process import CHECKOUT

ROOMS = (
    "align", "baselines", "benchmark", "capture", "datasets", "defocus", "extras", "reports",
    "restoration",
)  # fmt: skip

STARTERS = {
    "defocus/processes/children.py": {"sys.executable"},
    "defocus/processes/workers.py": {"get_context"},
}
"""The modules that start Python, and by what."""

WAYS = {
    "sys.executable", "get_context", "set_executable", "os.fork", "os.posix_spawn", "os.execv",
    "os.system", "os.popen", "runpy.run_path",
}  # fmt: skip


@pytest.fixture(autouse=True)
def as_if_new(monkeypatch):
    monkeypatch.setattr(children, "_given", [])
    monkeypatch.delenv(SAFE_PATH, raising=False)


def ways_in(source: str) -> Iterator[str]:
    """The ways to start Python that a module uses."""
    if not any(way in source for way in WAYS):  # to parse all modules takes seconds
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from {f"{node.value.id}.{node.attr}", node.attr} & WAYS
        elif isinstance(node, ast.Name):
            yield from {node.id} & WAYS


def test_one_module_starts_python():
    used: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in (CHECKOUT / room).rglob("*.py"):
            if path.resolve() != path:  # the rooms are links in ``defocus``, too
                continue
            if ways := set(ways_in(path.read_text(encoding="utf-8"))):
                used[str(path.relative_to(CHECKOUT))] = ways
    assert used == STARTERS


def test_the_programs_keep_the_working_folder_out_and_others_get_their_own(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    children.keep_working_folder_out()
    children.keep_working_folder_out()
    assert python_environment()[SAFE_PATH] == "1"
    outside = outside_environment({"MORE": "2"})
    assert SAFE_PATH not in outside
    assert (outside["KEPT"], outside["MORE"]) == ("1", "2")


def test_what_a_person_has_set_stays_for_their_own_programs(monkeypatch):
    monkeypatch.setenv(SAFE_PATH, "yes")
    assert outside_environment()[SAFE_PATH] == "yes"
    children.keep_working_folder_out()
    assert outside_environment()[SAFE_PATH] == "yes"


def test_python_searches_no_working_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "beside", "/installed"])
    assert python_command("-m", "it") == [sys.executable, "-P", "-m", "it"]
    assert python_environment()["PYTHONPATH"] == f"{tmp_path / 'beside'}:/installed"


@pytest.mark.parametrize("before", [None, "0"])
def test_a_block_changes_the_environment_for_its_time(monkeypatch, before):
    if before is not None:
        monkeypatch.setenv(SAFE_PATH, before)
    with starting_python():
        assert python_environment()[SAFE_PATH] == "1"
    assert children.os.environ.get(SAFE_PATH) == before


LOOK = """
import os, sys
from pathlib import Path
Path("left").touch()
print(os.getcwd() == os.environ["TMPDIR"], "" in sys.path, sys.stdin.read(), os.getcwd())
"""


@pytest.mark.full
def test_a_child_works_in_a_folder_of_its_own_that_goes_with_it():
    answer = run_python("-c", LOOK, request="asked", seconds=60.0)
    alone, searched, asked, folder = answer.stdout.split()
    assert (alone, searched, asked) == ("True", "False", "asked")
    assert not Path(folder).exists()


FROM_PYTHON = """
from defocus.processes.workers import in_processes

if __name__ == "__main__":
    print(*in_processes(abs, [-1, -2], 2))
"""


@pytest.mark.full
def test_processes_that_a_script_starts_import_nothing_from_where_it_is_called(
    tmp_path,
):
    """The script lies elsewhere: the working folder is not where its own imports are found."""
    script, folder = tmp_path / "scripts" / "work.py", tmp_path / "strange"
    script.parent.mkdir()
    folder.mkdir()
    script.write_text(FROM_PYTHON, encoding="utf-8")
    for name in ("json", "signal", "socket", "struct", "tempfile"):
        (folder / f"{name}.py").write_text(f"open('RAN-{name}', 'w')", encoding="utf-8")
    environment = {**children.os.environ, "PYTHONPATH": str(CHECKOUT)}
    result = subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(result.stdout.split()) == ["1", "2"], result.stderr
    assert not list(folder.glob("RAN-*"))


LINES = ("module load cuda", "touch here")


def test_shell_lines_are_refused_until_they_were_given_here(
    tmp_path, monkeypatch, refused
):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    origin = Path("study", "request.json")
    consent.require_lines((), origin)
    with refused(InputError):
        consent.require_lines(LINES, origin)
    consent.give_lines(LINES)
    consent.require_lines(LINES, origin)
    with pytest.raises(InputError):
        consent.require_lines((*LINES, "another"), origin)


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_at_a_terminal_is_asked_once(tmp_path, monkeypatch, answer):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path))
    monkeypatch.setattr(consent.sys.stdin, "isatty", lambda: True)
    asked: list[str] = []

    def confirm(question: str, *, err: bool) -> bool:
        asked.append(question)
        return answer and err

    monkeypatch.setattr(consent.click, "confirm", confirm)
    if answer:
        consent.require_lines(LINES, Path("request.json"))
        consent.require_lines(LINES, Path("request.json"))
    else:
        with pytest.raises(DefocusError, match="no job was submitted"):
            consent.require_lines(LINES, Path("request.json"))
    assert len(asked) == 1
    assert "'touch here'" in asked[0]
