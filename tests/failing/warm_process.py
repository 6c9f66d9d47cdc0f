"""A process with the commands imported, of which each trial is a fork: a command with one fault.

It reads a JSON object a line and answers with one: exit code, what was said, operations counted."""

import contextlib
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tests.command_process import CHECKOUT, COMMAND_MODULES, COMMANDS, SLOW_LIBRARIES

KINDS = (
    "write",
    "fsync",
    "rename",
    "open",
    "mkdir",
    "unlink",
    "read",
    "look",
    "memory",
)
"""As ``failing_calls.c`` numbers them."""

FAILS, IS_SHORT, KILLS = 1, 2, 3

LONGEST_SECONDS = 120
"""A trial that takes longer is ended by SIGALRM and counts as a hang."""


@dataclass(frozen=True)
class Fault:
    """What becomes of the n-th operation of a kind: an error, a short one, or a signal."""

    kind: str
    at: int
    fate: int = FAILS
    value: int = 0  # number of the error or of the signal
    in_children: bool = False  # in the processes that the command starts


NO_FAULT = Fault("write", 0)


@dataclass(frozen=True)
class Trial:
    """How a command with a fault ended."""

    code: int  # negative for a signal
    said: str
    counts: Mapping[str, int]


class WarmProcess:
    """The process and the library that is preloaded into it."""

    def __init__(
        self, folder: Path, library: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it; faults are below ``folder`` alone."""
        settings = {**os.environ, **environment, "LD_PRELOAD": str(library)}
        settings["PYTHONFAULTHANDLER"] = "1"  # a crash says where
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.failing.warm_process",
                str(folder),
                str(library),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            env={**settings, "PYTHONPATH": str(CHECKOUT)},
            text=True,
        )

    def run(
        self, program: str, words: Sequence[str], folder: Path, fault: Fault
    ) -> Trial:
        """One command in a fork."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"program": program, "words": list(words), "folder": str(folder)}
        self._process.stdin.write(json.dumps({**asked, "fault": vars(fault)}) + "\n")
        self._process.stdin.flush()
        return Trial(**json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def main() -> None:
    """Answer until stdin ends."""
    below, library = sys.argv[1:]
    for module in (*SLOW_LIBRARIES, *COMMAND_MODULES):
        import_module(module)
    faults = ctypes.CDLL(library)
    faults.count_of.restype = ctypes.c_long
    place = Path(below).with_name("answers")
    place.mkdir(exist_ok=True)
    for line in sys.stdin:
        asked = json.loads(line)
        gc.freeze()  # no fork looks through what was imported, which would copy its memory
        child = os.fork()
        if child == 0:
            _try(asked, faults, below, place)
        _, status = os.waitpid(child, 0)
        answer = {"code": os.waitstatus_to_exitcode(status), "said": "", "counts": {}}
        for name in ("stdout", "stderr"):
            answer["said"] += (place / name).read_text(
                encoding="utf-8", errors="replace"
            )
        ended = place / "ended"
        if ended.is_file():
            noted = json.loads(ended.read_text())
            answer["counts"] = noted["counts"]
            _import_too(noted["modules"])
            ended.unlink()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _import_too(modules: Sequence[str]) -> None:
    """Import what a fork has imported, so that the next ones need not."""
    for module in modules:
        with contextlib.suppress(ImportError):
            import_module(module)


def _try(asked: dict[str, Any], faults: ctypes.CDLL, below: str, place: Path) -> None:
    """What the fork does: the command, from its start to its exit code."""
    os.chdir(asked["folder"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115 - until the end
    sys.argv = [asked["program"], *asked["words"]]
    signal.alarm(LONGEST_SECONDS)
    fault = Fault(**asked["fault"])
    code: object = 1
    before = set(sys.modules)
    chosen = (KINDS.index(fault.kind), ctypes.c_long(fault.at), fault.fate, fault.value)
    if fault.in_children:
        shared = str(place / "shared")
        faults.arm_children(shared.encode(), below.encode(), *chosen)
        os.environ["FAILING_CALLS"] = shared
    else:
        faults.arm(below.encode(), *chosen)
    try:
        import_module(COMMANDS[asked["program"]]).main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - what the interpreter would print
        sys.excepthook(*sys.exc_info())
    faults.disarm()
    counts = {kind: faults.count_of(number) for number, kind in enumerate(KINDS)}
    modules = [name for name in sys.modules if name not in before]
    (place / "ended").write_text(json.dumps({"counts": counts, "modules": modules}))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
