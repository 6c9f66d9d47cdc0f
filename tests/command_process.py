"""The commands as processes that start at once.

A command spends seconds of processor time on the import of torch and its like before it does
anything. Here one clean process imports them once, and every command is a fork of it: a process of
its own, with its own folder, environment, output and exit code. Of defocus that process has
imported nothing.
"""

import importlib
import os
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

SLOW_LIBRARIES = [
    "PIL.ImageOps",
    "click",
    "cv2",
    "h5py",
    "jinja2",
    "matplotlib.figure",
    "numba",
    "numpy",
    "platformdirs",
    "pydantic",
    "rich.progress",
    "safetensors.torch",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.signal",
    "scipy.stats",
    "torch",
    "torch._dynamo",
    "torch.utils.data",
    "typst",
    "tests.compiler_started",
]


def installed_paths() -> list[str]:
    """Where a new interpreter looks behind ``PYTHONPATH``."""
    roots = {*sysconfig.get_paths().values(), *site.getsitepackages()}
    return [path for path in sys.path if any(Path(path).is_relative_to(root) for root in roots)]


def run_command(
    module: str,
    arguments: Sequence[str | Path],
    folder: Path,
    environment: dict[str, str],
    timeout: float,
) -> "subprocess.CompletedProcess[str]":
    """Run ``module.main()`` in a process of its own, to its end.

    Raises:
        subprocess.TimeoutExpired: It was still running after ``timeout`` seconds; it is killed.
    """
    words = [module, *map(str, arguments)]
    context = get_context("forkserver")
    context.set_forkserver_preload(SLOW_LIBRARIES)
    with tempfile.TemporaryDirectory() as captured:
        output = Path(captured) / "output", Path(captured) / "errors"
        process = context.Process(target=_main, args=(words, str(folder), environment, output))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout, *(p.read_text() for p in output))
        said = [path.read_text(encoding="utf-8") for path in output]
        return subprocess.CompletedProcess(words, process.exitcode, *said)


def _main(
    words: list[str], folder: str, environment: dict[str, str], output: tuple[Path, Path]
) -> None:
    """What the process does: become what ``python -c`` would be, then run the command."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    given = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = ["", *given, *installed_paths()]
    module, *sys.argv[1:] = words
    for descriptor, path in enumerate(output, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    importlib.invalidate_caches()
    importlib.import_module(module).main()
