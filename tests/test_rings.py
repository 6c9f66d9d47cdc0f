"""What a test costs and starts decides about its ring, and no file is listed in vain."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import pytest_configure, pytest_xdist_auto_num_workers
from tests.rings import (
    CHECKOUT,
    DEFAULT,
    EXTRA,
    FULL,
    TESTS,
    changed_since,
    extra_of,
    give_ring,
    left_unread,
    unreached,
)
from tests.started_processes import StartedProcesses
from tests.worker_seconds import (
    CASE_ROOM,
    CASE_S,
    FILE_S,
    REFERENCE_S,
    RING_S,
    ROOM,
    Costs,
)


class Item:
    """What the rings ask a test for."""

    def __init__(self, path: str, *fixtures: str, marks: tuple[str, ...] = ()) -> None:
        self.path, self.fixturenames, self.marks = TESTS / path, fixtures, {*marks}

    def add_marker(self, name: str) -> None:
        self.marks.add(name)

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def ring_of(*given: Any, **marks: Any) -> set[str]:
    item: Any = Item(*given, **marks)
    give_ring(item)
    return item.marks


def test_the_ring_of_a_test():
    assert ring_of("align/test_flow.py", "pair") == set()
    assert ring_of("align/test_flow.py", "pair", "run") == {"full"}
    assert ring_of("browser/test_report.py") == {"full"}
    assert ring_of("test_smoke.py", "run_afresh", marks=("smoke",)) == {"smoke"}
    assert ring_of("extras/charts/test_lens.py", "run") == {"extra"}


def test_an_extra_has_the_tests_of_its_folder():
    assert extra_of(TESTS / "extras" / "charts" / "test_lens.py") == "charts"
    assert extra_of(TESTS / "extras" / "people" / "test_judging.py") == "people"
    assert extra_of(TESTS / "research" / "test_truth.py") == "research"
    assert extra_of(TESTS / "align" / "test_flow.py") is None


def test_files_of_which_a_ring_has_nothing_are_not_imported(tmp_path):
    extra, browser, whole, part = (
        TESTS / "extras" / "charts" / "test_lens.py", TESTS / "browser" / "test_report.py",
        tmp_path / "test_whole.py", tmp_path / "test_part.py",
    )  # fmt: skip
    whole.write_text("import pytest\n\npytestmark = pytest.mark.full\n")
    part.write_text("@pytest.mark.full\ndef test_one() -> None: ...\n")
    unread = {
        DEFAULT: [extra, browser, whole],
        FULL: [extra],
        EXTRA: [browser, whole, part],
    }
    for ring in (*unread, ""):
        files = [one for one in (extra, browser, whole, part) if left_unread(one, ring)]
        assert files == unread.get(ring, [])
        assert not left_unread(browser.with_name("conftest.py"), ring)


def report_of(plugin: Any, item: Any, *given: Any) -> Any:
    """A report of a test that passed, after a plugin has seen it."""
    report = SimpleNamespace(passed=True, outcome="passed", longrepr=None)
    wrapped: Generator[None, Any, Any] = plugin.pytest_runtest_makereport(*given)
    next(wrapped)
    with pytest.raises(StopIteration) as ended:
        wrapped.send(report)
    return ended.value.value


@pytest.mark.parametrize("mark", ["full", "extra", "smoke", None])
def test_a_test_that_starts_a_process_fails_unless_it_is_marked(mark):
    item = Item("align/test_flow.py", marks=(mark,) if mark else ())
    plugin = StartedProcesses.__new__(StartedProcesses)
    plugin.started = []
    assert report_of(plugin, item, item).outcome == "passed"
    plugin._heard("subprocess.Popen", ("fc-list",))
    plugin._heard("subprocess.Popen", ("uname",))
    plugin._heard("open", ("x",))
    assert report_of(plugin, item, item).outcome == "passed"
    plugin._heard("subprocess.Popen", ("true",))
    report = report_of(plugin, item, item)
    assert report.outcome == ("passed" if mark else "failed")
    if mark is None:
        assert report.longrepr.startswith("starts a process: mark it full")
    assert plugin.started == []


def test_the_audit_of_this_run_hears_processes(request):
    plugin: Any = request.config.pluginmanager.get_plugin("started-processes")
    sys.audit("subprocess.Popen", "none is started", [])
    assert plugin.started
    plugin.started.clear()


def case(name: str, when: str, seconds: float) -> Any:
    return SimpleNamespace(nodeid=name, when=when, worker_seconds=seconds)


def test_what_is_above_a_limit_is_named():
    costs = Costs()
    costs.pytest_runtest_logreport(case("a.py::one", "setup", 5 * CASE_S))
    costs.pytest_runtest_logreport(case("a.py::one", "call", 0.9 * CASE_ROOM * CASE_S))
    costs.whole = ROOM * RING_S
    assert costs.above() == []
    costs.pytest_runtest_logreport(
        case("a.py::one", "teardown", 0.2 * CASE_ROOM * CASE_S)
    )
    costs.pytest_runtest_logreport(case("b.py::two", "setup", 1.1 * ROOM * FILE_S))
    costs.whole = 1.1 * ROOM * RING_S
    assert [line.partition(": ")[0] for line in costs.above()] == [
        "the run",
        "b.py",
        "a.py::one",
    ]
    costs.trials = [REFERENCE_S, 1.4 * REFERENCE_S]  # a processor 1.2 times slower
    assert costs.above() == []


def test_a_report_has_the_worker_seconds_since_the_one_before():
    costs = Costs()
    costs.pytest_runtest_logstart()
    sum(range(2_000_000))
    first = report_of(costs, None)
    second = report_of(costs, None)
    assert first.worker_seconds > second.worker_seconds >= 0


LENS, JUDGING, TRUTH = (
    "extras/charts/test_lens.py", "extras/people/test_judging.py", "research/test_truth_psf.py"
)  # fmt: skip


@pytest.mark.full  # it reads the imports of all
@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ([], []),
        (["CHANGELOG.md", "tests/align/test_flow.py"], []),
        (["extras/charts/__init__.py"], [LENS]),
        ([f"tests/{JUDGING}"], [JUDGING]),
        (["extras/people/README.md"], [JUDGING]),
        (["research/alignment_truth/rendered/psf.py"], [TRUTH]),
        (["tests/extras/conftest.py"], [LENS, JUDGING]),
        (["defocus/errors.py"], [LENS, JUDGING, TRUTH]),
        (["extras/charts/gone.py"], [LENS, JUDGING, TRUTH]),
        (["pyproject.toml"], [LENS, JUDGING, TRUTH]),
        (None, [LENS, JUDGING, TRUTH]),
    ],
)
def test_of_the_extras_run_those_that_lead_to_what_has_changed(changed, runs):
    items: Any = [Item(path, marks=("extra",)) for path in (LENS, JUDGING, TRUTH)]
    paths = None if changed is None else [CHECKOUT / name for name in changed]
    left_out = unreached(paths, items)
    assert [item.path for item in items if item not in left_out] == [
        TESTS / path for path in runs
    ]


@pytest.fixture
def git(tmp_path):
    def git(*words: str) -> None:
        person = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(
            ["git", *person, *words], cwd=tmp_path, check=True, capture_output=True
        )

    return git


@pytest.mark.full  # it asks git
def test_what_has_changed_since_a_revision(tmp_path, monkeypatch, git):
    """A file under a new name is two: what imported the old one is of it, too."""
    monkeypatch.setattr("tests.rings.CHECKOUT", tmp_path)
    assert changed_since("HEAD") is None
    git("init")
    for name in ("kept.py", "old.py", "größer.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    git("add", ".")
    git("commit", "-m", "first")
    assert changed_since("HEAD") == []
    git("mv", "old.py", "new.py")
    (tmp_path / "größer.py").write_text("")
    (tmp_path / "unknown.py").touch()
    names = {path.name for path in changed_since("HEAD") or ()}
    assert names == {"old.py", "new.py", "größer.py", "unknown.py"}
    assert changed_since("no-such-revision") is None


@pytest.mark.full  # it runs pytest
def test_snapshots_of_extras_that_do_not_run_are_no_error(tmp_path, git):
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    snapshots = tmp_path / "tests/research/__snapshots__"
    snapshots.mkdir(parents=True)
    for path in TESTS.glob("*.py"):
        if not path.match("test_*.py"):
            shutil.copy(path, tmp_path / "tests")
    for name in ("test_one", "test_two"):
        test = snapshots.parent / f"{name}.py"
        test.write_text("def test(snapshot):\n    assert snapshot == 1\n")
        said = "# serializer version: 1\n# name: test\n  1\n# ---\n"
        (snapshots / f"{name}.ambr").write_text(said)
    (tmp_path / ".gitignore").write_text("__pycache__\n.pytest_cache\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    test.write_text("def test(snapshot):\n    assert 1 == snapshot\n")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-m",
        "extra",
        "--since",
        "HEAD",
    ]
    result = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "1 passed, 1 deselected" in result.stdout, result.stdout
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("worker", [None, "gw0"])
@pytest.mark.parametrize(
    ("source", "given", "chosen"),
    [("TESTPATHS", "", DEFAULT), ("TESTPATHS", "full", FULL), ("ARGS", "", "")],
)
def test_every_process_of_a_run_chooses_the_ring(
    source, given, chosen, worker, monkeypatch
):
    """Processes side by side are started with the words of the command, not with what it chose."""
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    config: Any = SimpleNamespace(
        args_source=pytest.Config.ArgsSource[source],
        option=SimpleNamespace(markexpr=given),
        pluginmanager=SimpleNamespace(register=lambda plugin, name: None),
    )
    monkeypatch.setattr("tests.conftest.StartedProcesses", lambda: None)
    cores = os.cpu_count() or 1
    processes = cores if chosen == DEFAULT else 2 * cores + 1
    assert pytest_xdist_auto_num_workers(config) == processes, (
        "asked before the ring is chosen"
    )
    pytest_configure(config)
    assert config.option.markexpr == chosen
