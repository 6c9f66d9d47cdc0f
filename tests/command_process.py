"""The commands as processes that start at once.

Each is a fork of one clean process that has imported torch and defocus; where its environment leads
to another copy of defocus than this checkout, it imports that one.
"""

import importlib
import os
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import PathFinder
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

CHECKOUT = Path(__file__).parents[1]

COMMANDS = {
    "defocus-restore": "defocus.restoration.cli",
    "defocus-capture": "defocus.capture.cli",
    "defocus-data": "defocus.datasets.cli",
    "defocus-bench": "defocus.benchmark.cli",
    "research.alignment_truth": "research.alignment_truth.__main__",
    "research.flow_training": "research.flow_training.__main__",
}

SLOW_LIBRARIES = [
    "PIL.ImageOps", "click", "cv2", "h5py", "jinja2",
    "matplotlib.figure", "numba", "numpy", "pydantic", "safetensors.torch",
    "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.stats", "skimage.io", "torch",
    "torch._dynamo", "torch.utils.data", "typst", "tests.compiler_started",
]  # fmt: skip

COMMAND_MODULES = [
    *COMMANDS.values(), "defocus.align.compensation.compensate", "defocus.align.flow.estimator",
    "defocus.align.measure", "defocus.baselines.operators.chain_cards",
    "defocus.baselines.registry", "defocus.benchmark.cost.study_plan",
    "defocus.benchmark.evaluation.evaluate", "defocus.benchmark.study.launch",
    "defocus.benchmark.scoring.fused", "defocus.benchmark.documents.write",
    "defocus.restoration.run", "defocus.benchmark.scoring.ceiling",
    "defocus.benchmark.study.run", "defocus.benchmark.study.fit",
    "defocus.capture.cameras.sim", "defocus.capture.sessions.contact_sheet",
    "defocus.capture.taking.running", "defocus.capture.taking.verdicts",
    "defocus.datasets.api", "defocus.datasets.audit.page", "defocus.datasets.audit.run",
    "defocus.datasets.deriving.compensate", "defocus.datasets.deriving.import_session",
    "defocus.datasets.patching.source", "tests.loaded_at_first_use",
]  # fmt: skip
"""With what they import, most of what the commands import."""


class StartedCommand:
    """A process that runs beside the test; as ``subprocess.Popen`` with two pipes."""

    def __init__(
        self,
        code: str,
        words: list[str],
        folder: Path,
        environment: dict[str, str],
        group: bool,
    ) -> None:
        reader, writer = os.pipe()
        error_reader, error_writer = os.pipe()
        self.stdout = os.fdopen(reader, encoding="utf-8")
        self.stderr = os.fdopen(error_reader, encoding="utf-8")
        outputs = writer, error_writer
        self._process = _started(code, words, folder, environment, outputs, group)

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self) -> int:
        """Wait for the end; the exit code."""
        self._process.join()
        assert self.returncode is not None
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """All that it says on stdout and stderr until its end."""
        with ThreadPoolExecutor(2) as readers:
            said = [
                readers.submit(stream.read) for stream in (self.stdout, self.stderr)
            ]
            try:
                self.wait()
            finally:
                self.kill()  # where the test is ended: the readers wait for it
        return said[0].result(), said[1].result()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        self.stdout.close()
        self.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            self.kill()
        self.stdout.close()
        self.stderr.close()
        self.wait()


def start_command(
    command: str, *arguments: str | Path, **options: Any
) -> StartedCommand:
    """Start one of the commands and do not wait for it; see :func:`start_code`."""
    code = f"from {COMMANDS[command]} import main; main()"
    return start_code(code, *arguments, **options)


def start_code(
    code: str,
    *arguments: str | Path,
    folder: Path | None = None,
    own_group: bool = False,
    **environment: str,
) -> StartedCommand:
    """Start what ``python -c code`` would be, without waiting; ``environment`` changes ours."""
    settings = {**os.environ, "PYTHONPATH": str(CHECKOUT), **environment}
    return StartedCommand(
        code, [*map(str, arguments)], folder or Path.cwd(), settings, own_group
    )


def run_python(
    code: str, *arguments: object, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run ``python -c code`` in a new interpreter; ``options`` are those of ``subprocess.run``."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(words, check=False, **{"cwd": CHECKOUT, **pipes, **options})


def has_ended(process: int) -> bool:
    """Whether a process ended; whether its exit code was collected plays no part."""
    try:
        return (
            Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            == "Z"
        )
    except FileNotFoundError:
        return True


def wait_until(is_so: Callable[[], bool]) -> None:
    """Fail where it is not so in a time that a busy machine has too."""
    deadline = time.monotonic() + 300
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_command(
    module: str,
    arguments: Sequence[str | Path],
    folder: Path,
    environment: dict[str, str],
) -> "subprocess.CompletedProcess[str]":
    """Run ``module.main()`` in its own process to its end; where the test is ended, kill it."""
    words = [*map(str, arguments)]
    code = f"from {module} import main; main()"
    with tempfile.TemporaryDirectory() as captured:
        output = Path(captured) / "output", Path(captured) / "errors"
        files = tuple(os.open(path, os.O_WRONLY | os.O_CREAT) for path in output)
        process = _started(code, words, folder, environment, files)
        try:
            process.join()
        except BaseException:
            process.kill()
            process.join()
            said = [path.read_text(encoding="utf-8") for path in output]
            sys.stdout.write("\n".join([*words, *said]))
            raise
        said = [path.read_text(encoding="utf-8") for path in output]
        return subprocess.CompletedProcess(words, process.exitcode, *said)


def _started(
    code: str,
    words: list[str],
    folder: Path,
    environment: dict[str, str],
    outputs: tuple[int, ...],
    own_group: bool = False,
) -> BaseProcess:
    """A fork of the clean process; the descriptors become its stdout and stderr and end here."""
    context = get_context("forkserver")
    context.set_forkserver_preload(
        [*SLOW_LIBRARIES, *COMMAND_MODULES, "tests.start_frozen"]
    )
    sent = [Connection(descriptor, readable=False) for descriptor in outputs]
    arguments = (code, words, str(folder), environment, sent, own_group)
    process = context.Process(target=_main, args=arguments)
    process.start()
    for connection in sent:
        connection.close()
    return process


def unblock_signals() -> None:
    """Get the signals that whoever started this process may not have wanted."""
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        names = {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, names)


def _main(
    code: str,
    words: list[str],
    folder: str,
    environment: dict[str, str],
    outputs: list[Connection],
    own_group: bool,
) -> None:
    """What the process does: become what ``python -c`` would be."""
    if own_group:
        os.setsid()
    unblock_signals()  # the clean process may have been started while they were held back
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    given = [
        path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path
    ]
    sys.path[:] = ["", *given, *installed_paths()]
    sys.argv[:] = ["-c", *words]
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    for descriptor, output in enumerate(outputs, start=1):
        os.dup2(output.fileno(), descriptor)
        output.close()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    importlib.invalidate_caches()
    forget_other_copy()
    exec(code, {"__name__": "__main__"})  # noqa: S102 - a test's own program


def forget_other_copy() -> None:
    """Forget the imported defocus where this process's path leads to another copy of it."""
    loaded, spec = sys.modules.get("defocus"), PathFinder.find_spec("defocus")
    if loaded is not None and (spec is None or spec.origin != loaded.__file__):
        for name in [
            name for name in sys.modules if name.partition(".")[0] == "defocus"
        ]:
            del sys.modules[name]


def installed_paths() -> list[str]:
    """Where a new interpreter looks behind ``PYTHONPATH``."""
    roots = {*sysconfig.get_paths().values(), *site.getsitepackages()}
    return [
        path
        for path in sys.path
        if any(Path(path).is_relative_to(root) for root in roots)
    ]
