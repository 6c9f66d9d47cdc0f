"""The process that has failing calls, the folder of the verbs, and the table of the trials."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_process import COMMANDS, run_command
from tests.failing.trials import ASKED, Bench, Row, table_of
from tests.failing.warm_process import WarmProcess
from tests.verbs import PREPARED_FOR_SUBVERBS, prepare, present


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory) -> Path:
    """The library that lets calls fail, built here."""
    compiler = shutil.which("cc")
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("a C compiler and Linux are needed to let single calls fail")
    built = tmp_path_factory.mktemp("library") / "failing.so"
    source = Path(__file__).with_name("failing_calls.c")
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-o",
        str(built),
        str(source),
        "-ldl",
    ]
    subprocess.run(command, check=True)
    return built


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """``world``, the folder of the verbs before one of them, and ``cache``."""
    folder = tmp_path_factory.mktemp("prepared")
    world = folder / "world"
    world.mkdir()
    environment = {"DEFOCUS_CACHE": str(folder / "cache")}

    def run(command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        done = run_command(
            COMMANDS[command], words, world, {**os.environ, **environment}
        )
        assert done.returncode == 0, done.stderr
        return done

    prepare(world, run)
    for verb in present(PREPARED_FOR_SUBVERBS) if ASKED else ():
        run(verb.program, *verb.words)
    return folder


@pytest.fixture(scope="session")
def trial_bench(failing_calls, prepared, tmp_path_factory) -> Iterator[Bench]:
    place = tmp_path_factory.mktemp("faults") / "trials"
    place.mkdir()
    with WarmProcess(
        place, failing_calls, {"DEFOCUS_CACHE": str(place / "cache")}
    ) as warm:
        yield Bench(warm, prepared, place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the trials by verb and fault, and how many of each went wrong."""
    rows: dict[str, Row] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            properties = dict(report.user_properties)
            if report.when == "call" and "trials" in properties:
                rows[properties["verb"]] = (
                    rows.get(properties["verb"], {}) | properties["trials"]
                )
    if rows:
        terminalreporter.section("trials; after a slash, those that went wrong")
        for line in table_of(rows):
            terminalreporter.line(line)
