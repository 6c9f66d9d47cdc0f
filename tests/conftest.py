"""Fixtures that tests of every stage share."""

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from tests.command_process import (
    CHECKOUT,
    COMMANDS,
    run_command,
    run_python,
    unblock_signals,
)
from tests.rings import DEFAULT, FULL, changed_since, give_ring, left_unread, unreached
from tests.started_processes import StartedProcesses
from tests.worker_seconds import Costs

# One thread per process, set before any test imports torch: the tests run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A test that changes HOME would make matplotlib look through all fonts again.
os.environ.setdefault("MPLCONFIGDIR", str(Path.home() / ".cache" / "matplotlib"))

# nohup, cron and a script's '&' start with Ctrl-C ignored, and children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
unblock_signals()

# Compiled code is kept, also where the environment says otherwise: hundreds of commands import the
# same package, and each would compile it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No example is too slow: how fast they are drawn is the machine's business.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory):
    """A cache of this process's own, so that no test reads or writes a person's, or downloads.

    Of the processes side by side, one renders each sample dataset: they share that folder."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ |= {"DEFOCUS_CACHE": str(folder), "TORCH_HOME": str(folder / "torch")}
    os.environ["https_proxy"] = "http://127.0.0.1:9"  # where nobody listens
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = tmp_path_factory.getbasetemp().parent / "sample"
        shared.mkdir(exist_ok=True)
        (folder / "sample").symlink_to(shared)
    return folder


@pytest.fixture(scope="module", autouse=True)
def weights_of_one_module(cache_folder):
    """Weights that the tests of a module add are not found by those of another."""
    yield
    shutil.rmtree(cache_folder / "weights", ignore_errors=True)


@pytest.fixture(scope="session")
def two_workers(cache_folder):
    """A cluster of two workers on the loopback."""
    pytest.importorskip("distributed")
    from tests.dask_loopback import loopback

    with loopback() as machines:
        yield machines


@pytest.fixture(scope="session")
def small_sample(cache_folder, tmp_path_factory):
    """The environment in which ``sample`` has five of its scenes, as if they were all."""
    from defocus.datasets import api, sample

    chosen = [
        one
        for one in sample.SCENES
        if one.name in {"cafe", "cat", "desk", "launch", "path"}
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "DEFOCUS_CACHE", folder := str(tmp_path_factory.mktemp("small-sample"))
        )
        patch.setattr(sample, "SCENES", chosen)
        api.open_dataset("sample")
    return {"DEFOCUS_CACHE": folder}


@pytest.fixture
def run(tmp_path):
    """Run one of the commands as a process: ``run("defocus-data", "align", …, code=0)``.

    Its exit code must be that one, where it is given."""

    def run_one(
        command: str,
        *arguments: str | Path,
        code: int | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        settings = {**os.environ, "PYTHONPATH": str(CHECKOUT), **environment}
        result = run_command(COMMANDS[command], arguments, tmp_path, settings)
        assert code in (result.returncode, None), result.stderr
        return result

    return run_one


@pytest.fixture
def run_afresh(tmp_path):
    """As ``run``, in a new interpreter, which has imported nothing."""

    def run_one(
        command: str, *arguments: str | Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        code = f"from {COMMANDS[command]} import main; main()"
        settings = {**os.environ, "PYTHONPATH": str(CHECKOUT), **environment}
        return run_python(code, *arguments, cwd=tmp_path, env=settings)

    return run_one


@pytest.fixture
def placeless(tmp_path, tmp_path_factory):
    """A text whose folders are HERE (the test's), TEMPORARY (all others' of this run), CHECKOUT."""
    folders = {
        tmp_path: "HERE",
        tmp_path_factory.getbasetemp(): "TEMPORARY",
        CHECKOUT: "CHECKOUT",
        tmp_path.name: "HERE",
    }

    def words(text):
        for folder, word in folders.items():
            text = text.replace(str(folder), word)
        return text

    return words


@pytest.fixture
def said(placeless):
    """What a command says, to compare with ``snapshot``: exit code, stdout, stderr."""

    def words(result):
        code = result.exit_code if hasattr(result, "exit_code") else result.returncode
        return placeless(f"exit {code}\n{result.stdout}{result.stderr}")

    return words


VOLATILE = {
    r"\b(?!0{64})[0-9a-f]{64}\b": "SHA-256",
    r"(TEMPORARY/\w+?)\d+\b": r"\1",
    re.escape(sys.executable): "PYTHON",
    r"\b0x[0-9a-f]{6,}": "ADDRESS",
    r"\b\d{4}-\d\d-\d\dT[\d:.]+(\+[\d:]+)?": "TIME",
    r"(127\.0\.0\.1|localhost):\d+": r"\1:PORT",
    r"\b(process|pid) \d+": r"\1 NUMBER",
    r"\b\d{4,}( of \d+)? bytes": "NUMBER bytes",
    r"(?<![\w.])\d+\.\d+(e[+-]?\d+)?(?!\.?\d)": "DECIMAL",
}
"""What differs from run to run or between processors, and the words in its place."""


@pytest.fixture
def refused(placeless, snapshot):
    """As ``pytest.raises``; the kind of error and its message must be those of ``snapshot``."""

    @contextmanager
    def raises(error):
        with pytest.raises(error) as caught:
            yield caught
        text = placeless(f"{caught.typename}: {caught.value}")
        for volatile, word in VOLATILE.items():
            text = re.sub(volatile, word, text)
        assert text == snapshot

    return raises


@pytest.fixture
def no_plugins(monkeypatch):
    """Before a test no plug-in file is loaded; what it loads is forgotten behind it."""
    from defocus import progress
    from defocus.plugins import extensions

    monkeypatch.setattr(extensions, "_loaded", {})
    monkeypatch.setattr(progress, "said_once", set())
    monkeypatch.setenv(extensions.ENVIRONMENT, "")
    monkeypatch.setenv(extensions.HASHES, "")


@pytest.fixture(scope="session")
def real_data():
    """The folder of real pictures; the test skips where there is none. Mark it ``realdata``."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DEFOCUS_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real pictures: set DEFOCUS_TEST_DATA to their folder")
    return folder


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many as there are cores; for the other rings, which wait half of their time, more."""
    cores = os.cpu_count() or 1  # asked before the ring is chosen
    return cores if ring_of(config) == DEFAULT else 2 * cores + 1


def ring_of(config: pytest.Config) -> str:
    """The ring of a command: what is named runs whole, and without -m it is the default one."""
    given = str(config.option.markexpr)
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return given
    return {"": DEFAULT, "full": FULL}.get(given, given)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--limits",
        action="store_true",
        help="fail above the worker-seconds of the default ring",
    )
    parser.addoption(
        "--since",
        metavar="REVISION",
        help="of the extras only those that import what has changed since a revision of git",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Each process chooses the ring for itself: it is started with the words of the command."""
    config.option.markexpr = ring_of(config)
    config.pluginmanager.register(Costs(), "worker-seconds")
    config.pluginmanager.register(StartedProcesses(), "started-processes")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files of which the ring has nothing are not even imported."""
    return left_unread(collection_path, config.option.markexpr) or None


LONGEST = (
    "test_storage.py", "test_memory.py", "test_other_disks.py",
    "test_slurm.py", "test_virtual_walk.py", "test_contract.py", "test_systems.py",
    "test_chart.py", "test_reading.py", "test_lens.py", "test_live_browser.py", "test_gphoto2.py",
    "test_commands.py", "test_calibrate.py", "test_registration.py",
    "test_patches.py", "test_refetching.py", "test_resume.py", "test_own_lens.py",
    "test_bundles.py", "test_run.py", "test_bad_input.py", "test_reblurring.py",
    "test_leaderboard.py", "test_truth_benchmark.py", "test_focus_stack.py",
    "test_real_bodies.py", "test_python.py", "test_docs.py", "test_whole_path.py",
    "test_train_flow.py", "test_studies.py", "test_guard.py", "test_program.py",
    "test_audit_memory.py", "test_packaging.py", "test_plugins.py", "test_restore.py",
)  # fmt: skip
"""Those that wait for others first, then by their seconds; a name counts in every folder."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays: a fifth of the time of collecting went into looking for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Each test gets its ring; the longest files come first, so that processes end together."""
    for item in items:
        assert isinstance(item, pytest.Function)
        give_ring(item)
    if not config.option.maxfail:
        place = {name: index for index, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))
    result = yield
    # once syrupy knows all: snapshots of tests unknown to it are an error
    if config.option.since:
        left_out = unreached(changed_since(config.option.since), items)
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With DEFOCUS_FORBID_DEBIAN_SKIPS set, a test that skips for a Debian package fails."""
    report = yield
    forbidden = os.environ.get("DEFOCUS_FORBID_DEBIAN_SKIPS")
    if forbidden and report.skipped and item.get_closest_marker("debian"):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped although Debian packages are installed: {report.longrepr}"
        )
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests were skipped for which reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in skipped
    )
    terminalreporter.section("skips by reason")
    for reason, count in sorted(reasons.items()) or [("none", 0)]:
        terminalreporter.line(f"{count:4d}  {reason}")
