"""User command that runs after each pair, as an argument list, without a shell.

It gets the pair's facts as environment variables; its failure never affects the pair."""

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import CompletePair
from defocus.errors import InputError
from defocus.processes.children import outside_environment
from defocus.progress import say

HOOK_SECONDS = 60.0
"""Longest time of a hook's command, which is then ended, because the next pair waits for it."""

STDERR = 2

PLACEHOLDERS = ("pair_dir", "session", "pair", "scene", "verdict")


@dataclass(frozen=True)
class Hook:
    """A command and its arguments, with placeholders such as ``{pair_dir}``."""

    arguments: tuple[str, ...]


After = Callable[[CompletePair], None]
"""Function that is called with each complete pair."""


def parse_hook(text: str | None) -> Hook | None:
    """Split a command as a shell would, and check its placeholders, such as ``{pair_dir}``."""
    if text is None:
        return None
    try:
        arguments = tuple(shlex.split(text))
        for argument in arguments:
            _require_bare_names(argument)
    except ValueError as error:
        names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise InputError(
            f"--hook {text!r}: {error}; the placeholders are {names}"
        ) from error
    if not arguments:
        raise InputError(
            "--hook is empty; give a command, such as 'cp -r {pair_dir} /mnt'"
        )
    return Hook(arguments)


def _require_bare_names(argument: str) -> None:
    """Refuse Python format features other than names: attributes, items, widths, conversions."""
    for _, name, width, conversion in Formatter().parse(argument):
        if name is None:
            continue
        if name not in PLACEHOLDERS:
            raise ValueError(f"'{{{name}}}' is not a placeholder")
        if width or conversion:
            raise ValueError(f"'{{{name}}}' takes no format")


def after_pair(hook: Hook | None, folder: SessionFolder) -> After:
    """Make the function called after each pair: run the hook and journal its failure."""

    def run(pair: CompletePair) -> None:
        problem = "" if hook is None else run_hook(hook, folder.root, pair)
        if problem:
            folder.journal.append("hook-failed", pair=pair.id, problem=problem)

    return run


def run_hook(
    hook: Hook, root: Path, pair: CompletePair, seconds: float = HOOK_SECONDS
) -> str:
    """Run the command, ended at the time limit; return its error in a line, also printed."""
    facts = _facts(root, pair)
    command = [argument.format_map(facts) for argument in hook.arguments]
    environment = {f"DEFOCUS_{name.upper()}": value for name, value in facts.items()}
    problem = _run(command, environment, seconds)
    if problem:
        say(f"hook after {pair.id}: {problem}; the pair is complete anyway")
    return problem


def _facts(root: Path, pair: CompletePair) -> dict[str, str]:
    folder = root.absolute() / "pairs" / pair.id
    return {
        "pair_dir": str(folder),
        "session": str(root.absolute()),
        "pair": pair.id,
        "scene": pair.scene,
        "verdict": pair.verdict,
        "reason": pair.reason,
        "blurry": str(folder / pair.blurry),
        "sharp": str(folder / pair.sharp),
    }


def _run(command: list[str], environment: Mapping[str, str], seconds: float) -> str:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=STDERR,  # stdout is for our own results
            env=outside_environment(environment),
            start_new_session=True,  # so that what it started can be ended with it
        )
    except OSError as error:
        return f"'{command[0]}' cannot be started ({error.strerror})"
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"'{command[0]}' was ended after {seconds:g} s"
    finally:
        _end(process)
    return f"'{command[0]}' ended with exit code {code}" if code else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a running command and its child processes."""
    if process.poll() is None:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
