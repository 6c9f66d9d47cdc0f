"""The one door for what a file from outside may start: plug-ins, shell lines, programs of a camera.

It opens for what this person gave to a command before, by content, or agrees to at a terminal."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from defocus.cache import cache_folder, keeping
from defocus.errors import DefocusError, InputError
from defocus.storage.files import make_folder, write_text

Kind = Literal["plugins", "setup"]
"""Kinds of consent that are remembered: files of Python, and shell lines of a cluster's jobs."""


def remember(
    kind: Kind,
    digest: str,
    text: str,
) -> None:
    """Record that this person gave content of this SHA-256 to a command; ``text`` is a comment."""
    note = _note(kind, digest)
    if not note.is_file():
        with keeping():
            make_folder(note.parent)
            write_text(note, f"{text}\n")


def is_remembered(kind: Kind, digest: str) -> bool:
    """Whether this person gave the same to a command before."""
    return _note(kind, digest).is_file()


def _note(kind: Kind, digest: str) -> Path:
    return cache_folder() / kind / digest


def require_yes(
    what: str,
    question: str,
    *,
    remedy: str,
    refusal: str,
) -> None:
    """Go on only if a person at the terminal says yes; where there is none, say the remedy."""
    if not sys.stdin.isatty():
        raise InputError(f"{what}; {remedy}")
    if not click.confirm(f"{what}; {question}", err=True):
        raise DefocusError(refusal)


def give_lines(lines: Sequence[str]) -> None:
    """Remember shell lines from a file that the person named on the command line."""
    if lines:
        remember("setup", _digest_of(lines), "\n".join(lines))


def require_lines(lines: Sequence[str], origin: Path) -> None:
    """Refuse shell lines of a study's folder that this person neither gave nor agrees to."""
    digest = _digest_of(lines)
    if not lines or is_remembered("setup", digest):
        return
    shown = ", ".join(map(repr, lines))
    require_yes(
        f"{origin} has shell lines for each job that were never given here: {shown}",
        "run them in every job?",
        remedy="look at them, then agree at a terminal, or give them in a file with run --study",
        refusal="no job was submitted; take 'setup' out of the table 'cluster' there",
    )
    give_lines(lines)


def _digest_of(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
