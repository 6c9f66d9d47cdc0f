"""Child processes of Python: none imports a module from the person's working folder.

Programs of other people, such as hooks, are started with ``outside_environment``."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

Variables = Mapping[str, str]
"""Variables of an environment."""

SAFE_PATH = "PYTHONSAFEPATH"
"""Variable that Python 3.11 reads: with it, neither ``-c`` nor ``-m`` looks for modules in the
current folder."""

NOTHING: Variables = MappingProxyType({})

_given: list[str | None] = []
"""Value that a person had set for the variable, once this program has changed it."""


def keep_working_folder_out() -> None:
    """Keep the working folder out of the module search of every Python that this program starts."""
    if not _given:
        _given.append(os.environ.get(SAFE_PATH))
    os.environ[SAFE_PATH] = "1"


def outside_environment(changed: Variables = NOTHING) -> dict[str, str]:
    """Environment of a program that is not ours: as the person's own shell would start it."""
    # A person's script may import what lies beside it, which the variable forbids.
    environment = dict(os.environ)
    if _given:
        environment.pop(SAFE_PATH, None)
        if _given[0] is not None:
            environment[SAFE_PATH] = _given[0]
    return {**environment, **changed}


def python_command(*arguments: str) -> list[str]:
    """Command line of a Python process like this one, such as ``-m MODULE``."""
    return [sys.executable, "-P", *arguments]


def search_path() -> str:
    """Folders in which this process looks for modules, without the working folder."""
    # An empty entry is the working folder, whatever that is by then.
    return os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)


def python_environment(changed: Variables = NOTHING) -> dict[str, str]:
    """Environment of a Python process that looks for modules where this one does."""
    return {
        **os.environ,
        SAFE_PATH: "1",
        "PYTHONPATH": search_path(),
        **changed,
    }


def run_python(
    *arguments: str,
    request: str,
    seconds: float,
    environment: Variables = NOTHING,
) -> "subprocess.CompletedProcess[str]":
    """Run a Python process in an empty folder, which is removed at its end; return its answer."""
    # ``TMPDIR`` is that folder as well, so nothing that a killed process leaves stays.
    with tempfile.TemporaryDirectory(prefix="defocus-child-") as folder:
        return subprocess.run(
            python_command(*arguments),
            input=request,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=python_environment({"TMPDIR": folder, **environment}),
            cwd=folder,
            check=False,
        )


def start_python(
    *arguments: str,
    environment: Variables = NOTHING,
    **streams: Any,  # noqa: ANN401 - those of ``subprocess.Popen``
) -> "subprocess.Popen[bytes]":
    """Start a Python process in a session of its own: Ctrl-C reaches this process alone."""
    return subprocess.Popen(
        python_command(*arguments),
        env=python_environment(environment),
        start_new_session=True,
        **streams,
    )


@contextlib.contextmanager
def starting_python() -> Iterator[None]:
    """Make anything else that starts Python in this block, as ``multiprocessing``, as safe."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


def start_servers() -> None:
    """Start the two processes of ``multiprocessing`` that live as long as this program."""
    # The first forks all others; the second would be started by the first queue, wherever that is.
    if not hasattr(signal, "pthread_sigmask"):  # Windows, which has neither
        return
    from multiprocessing import forkserver, resource_tracker

    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with starting_python():
        resource_tracker.ensure_running()
        # it lets Ctrl-C in at its end
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        forkserver.ensure_running()
