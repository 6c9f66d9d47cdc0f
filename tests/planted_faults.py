"""Faults that the tests must find: each is planted in a copy of the checkout, one at a time.

``python -m tests.planted_faults [WORD …]`` plants those with a word in their path, or all, and runs
the tests that lead to the file, nearest first: the full ring or the default one.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.imports import imports_of
from tests.rings import DEFAULT

CHECKOUT = Path(__file__).parents[1]

NEAR = 12
"""So many files of tests run first; most faults are caught by then."""


@dataclass(frozen=True)
class Fault:
    """A text that stands once in a file, and what replaces it."""

    file: str
    right: str
    wrong: str

    def planted(self, checkout: Path) -> str:
        """The file's content with the fault; ValueError where the text is not there just once."""
        content = (checkout / self.file).read_text(encoding="utf-8")
        if content.count(self.right) != 1:
            raise ValueError(
                f"{self.file}: {content.count(self.right)} times {self.right!r}"
            )
        return content.replace(self.right, self.wrong)


def faults_in(file: Path) -> list[Fault]:
    """The faults that a file lists."""
    return [Fault(*row) for row in json.loads(file.read_text(encoding="utf-8"))]


FAULTS = [
    fault
    for file in sorted(CHECKOUT.glob("tests/**/faults.json"))
    for fault in faults_in(file)
]
"""The 18 before the last two of the core were chosen before the tests were read."""


def files_for(fault: Fault, checkout: Path) -> list[str]:
    """The files of tests that lead to the file of a fault, nearest first, those of its room before
    others."""
    imports = imports_of(checkout)
    away = imports.ways(imports.module_of(checkout / fault.file))
    files = [
        name
        for name in away
        if name.startswith("tests/") and Path(name).match("test_*.py")
    ]
    room = Path("tests", *Path(fault.file).parts[: 2 if "extras" in fault.file else 1])

    def place(name: str) -> tuple[int, bool, str]:
        return away[name], room not in Path(name).parents, name

    return sorted(files, key=place)


def caught(fault: Fault, copy: Path, ring: str) -> str:
    """Plant one fault in a copy and run the tests that lead to it; the one that fails, or none."""
    path = copy / fault.file
    right, files = path.read_bytes(), files_for(fault, copy)
    chosen = ["-m", DEFAULT] if ring == "default" else []
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *chosen,
    ]
    path.write_text(fault.planted(copy), encoding="utf-8")
    try:
        for beside, part in (("0", files[:NEAR]), ("auto", files[NEAR:])):
            if not part:
                continue
            run = [*words, "-n", beside, *part]
            result = subprocess.run(
                run, cwd=copy, capture_output=True, text=True, check=False
            )
            if result.returncode in {1, 2}:
                failed = re.search(
                    r"^(?:FAILED|ERROR) (.*)$", result.stdout, re.MULTILINE
                )
                return failed[1] if failed else "pytest itself"
            # 5: nothing of these files is in the ring
            if result.returncode not in {0, 5}:
                raise RuntimeError(
                    f"pytest ended with {result.returncode}: {result.stdout[-500:]}"
                )
    finally:
        path.write_bytes(right)
    return ""


def main(words: Sequence[str] | None = None) -> int:
    """Plant faults; how many are not caught."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ring", choices=["default", "full"], default="full")
    parser.add_argument(
        "--faults", type=Path, help="JSON: [[file, right text, wrong text], …]"
    )
    parser.add_argument(
        "word", nargs="*", help="plant only in files with one of the words"
    )
    given = parser.parse_args(words)
    faults = FAULTS if given.faults is None else faults_in(given.faults)
    chosen = [
        f
        for f in faults
        if not given.word or any(word in f.file for word in given.word)
    ]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(
            CHECKOUT,
            copy,
            symlinks=True,
            ignore=shutil.ignore_patterns(".git", ".mypy_cache"),
        )
        for fault in chosen:
            catchers = caught(fault, copy, given.ring)
            missed += not catchers
            said = f"{fault.file}: {fault.right!r} → {fault.wrong!r}"
            sys.stdout.write(
                f"{f'caught by {catchers}' if catchers else 'MISSED'}  {said}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - missed} of {len(chosen)} caught\n")
    return missed


if __name__ == "__main__":
    sys.exit(main() > 0)
