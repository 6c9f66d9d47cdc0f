"""What only some systems have stands behind a question for the system, or in a listed place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_process import start_code
from tests.test_frame import STAGES

ROOT = Path(__file__).parents[1]
OURS = (*STAGES, "defocus")

ABSENT_MODULES = {
    "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios",
    "tty",
}  # fmt: skip
ABSENT_NAMES = {
    "os": {
        "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "WEXITED", "WNOHANG", "chown",
        "fchmod", "fchown", "fork", "getegid", "geteuid", "getgid", "getloadavg", "getpgid",
        "getpgrp", "getuid", "killpg", "mkfifo", "nice", "pipe2", "posix_fadvise",
        "posix_fallocate", "pread", "pwrite", "sched_getaffinity", "sched_setaffinity", "sendfile",
        "setpgid", "setsid", "statvfs", "symlink", "sysconf", "uname", "wait3", "wait4", "waitid",
    },
    "select": {"epoll", "kqueue", "poll"},
    "signal": {
        "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP",
        "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "pthread_sigmask", "setitimer",
        "sigwait",
    },
    "socket": {"AF_UNIX"},
}  # fmt: skip
ABSENT_METHODS = {"add_signal_handler", "hardlink_to", "symlink_to"}
ABSENT_ARGUMENTS = {"pass_fds", "preexec_fn"}
ABSENT_PLACES = re.compile(r"/(?:proc|sys|dev)(?:/|$)")
QUESTION = re.compile(r"os\.name|sys\.platform|hasattr\(")
"""What is asked before a name is used; a place may also be looked for, see :func:`_absent`."""

LISTED = {
    "capture/links/gphoto2/errors.py": "finds no process where there is no /proc",
    "defocus/cluster/slurm.py": "SLURM is Linux's",
    "defocus/training/devices.py": "places of drivers, which are looked for",
}


def absent(source: str) -> list[tuple[int, str]]:
    """Line and name of everything in a source that a system may lack, without a question before."""
    return list(_absent(ast.parse(source), frozenset()))


def _absent(node: ast.AST, asked: frozenset[str]) -> Iterator[tuple[int, str]]:
    """``asked``: what the code around a node looks at, ``system`` or ``place``."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for one in ast.walk(node):
            asked |= _asks(one)
    asked |= _asks(node)
    if name := _named(node):
        wanted = {"system", "place"} if name.startswith("/") else {"system"}
        if not asked & wanted:
            yield getattr(node, "lineno", 0), name
    for child in ast.iter_child_nodes(node):
        yield from _absent(child, asked)


def _asks(node: ast.AST) -> frozenset[str]:
    if not isinstance(node, ast.If | ast.IfExp):
        return frozenset()
    test = ast.unparse(node.test)
    answers = {
        "system": QUESTION.search(test) is not None,
        "place": ".exists()" in test,
    }
    return frozenset(what for what, there in answers.items() if there)


def _named(node: ast.AST) -> str:
    match node:
        case ast.Import(names=names):
            return next((one.name for one in names if one.name in ABSENT_MODULES), "")
        case ast.ImportFrom(module=str(module)) if module in ABSENT_MODULES:
            return module
        case ast.Attribute(attr=name) if name in ABSENT_METHODS:
            return name
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return f"{owner}.{name}" if name in ABSENT_NAMES.get(owner, ()) else ""
        case ast.keyword(arg=str(name)) if name in ABSENT_ARGUMENTS:
            return name
        case ast.Constant(value=str(text)) if ABSENT_PLACES.match(text):
            return text
    return ""


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("import fcntl", ["fcntl"]),
        ("from resource import getrusage", ["resource"]),
        ("def f(p):\n    import os\n    os.killpg(p, 9)", ["os.killpg"]),
        ("place.symlink_to(other)", ["symlink_to"]),
        ("open('/proc/self/status')", ["/proc/self/status"]),
        (
            "signal.pthread_sigmask(0, [])\nselect.poll()",
            ["signal.pthread_sigmask", "select.poll"],
        ),
        ("Popen(words, preexec_fn=start)", ["preexec_fn"]),
        ("import sys\nif sys.platform != 'win32':\n    import fcntl", []),
        ("def f(p):\n    if os.name == 'nt':\n        return\n    os.killpg(p, 9)", []),
        (
            "def f():\n    if p.exists():\n        open('/proc/a')\n    os.sysconf('x')",
            ["os.sysconf"],
        ),
        ("n = os.getuid() if hasattr(os, 'getuid') else 0", []),
        ("'/procession', 'a/proc/b', os.path.join(a, b)", []),
    ],
)
def test_what_is_planted_is_found_and_what_is_asked_for_is_not(source, places):
    assert [name for _, name in absent(source)] == places


def test_nothing_of_one_system_stands_outside_guarded_places():
    words = "|".join(
        [
            *ABSENT_MODULES,
            *ABSENT_METHODS,
            *ABSENT_ARGUMENTS,
            *(n for names in ABSENT_NAMES.values() for n in names),
        ]
    )
    suspicious = re.compile(rf"\b(?:{words})\b|['\"]/(?:proc|sys|dev)\b")
    files = {
        path.relative_to(ROOT).as_posix(): text
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        if suspicious.search(text := path.read_text(encoding="utf-8"))
    }
    faults = {name: absent(text) for name, text in files.items()}
    assert {
        name: said for name, said in faults.items() if said and name not in LISTED
    } == {}
    there = {
        name
        for name in LISTED
        if (ROOT / name).exists() or not name.startswith("extras/")
    }
    assert {name for name in there if not faults.get(name)} == set()


WITHOUT = """
import builtins, importlib, pkgutil
real = builtins.__import__
def without(name, of=None, *others):
    mine = (of or {{}}).get('__name__', '').startswith('defocus')
    if mine and name.partition('.')[0] in {absent}:
        raise ModuleNotFoundError(name)
    return real(name, of, *others)
builtins.__import__ = without
names = ['defocus.storage.staging', 'defocus.benchmark.cli']
names += ['defocus.capture.cli', 'defocus.datasets.cli']
folders = ('benchmark.commands', 'capture.commands', 'datasets.commands', 'front')
for folder in folders:
    package = importlib.import_module('defocus.' + folder)
    found = pkgutil.iter_modules(package.__path__)
    names += [package.__name__ + '.' + one.name for one in found]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


@pytest.mark.full
def test_commands_and_front_door_are_imported_where_posix_modules_are_missing():
    with start_code(WITHOUT.format(absent=ABSENT_MODULES)) as started:
        out, errors = started.communicate()
    assert started.returncode == 0, errors
    assert int(out) > 50
