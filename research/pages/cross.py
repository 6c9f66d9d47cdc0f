"""Gains of the shipped weights across datasets, beside published ones: a part of weights.md.

``python -m research.pages.cross --dataset READER:PATH …``; options of ``studies cross``."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from research.markdown import put_between
from research.pages import DOCS

PAGE = DOCS / "weights.md"
BEGIN = "<!-- made by research.pages.cross: nothing is written by hand up to the next such line -->"
END = "<!-- end of what research.pages.cross makes -->"


def main() -> None:
    """Measure what is not measured yet, and put the tables into the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    words = asked.parse_known_args()[1]
    with tempfile.TemporaryDirectory() as folder:
        if "--out" not in words:
            words += ["--out", folder]
        command = [
            sys.executable,
            "-m",
            "defocus.benchmark",
            "studies",
            "cross",
            *words,
        ]
        process = subprocess.run(command, check=False)
        if process.returncode:
            sys.exit(f"{PAGE} is left as it was: not everything could be measured")
        out = Path(words[words.index("--out") + 1])
        tables = (out / "cross.md").read_text(encoding="utf-8")
    text = put_between(PAGE.read_text(encoding="utf-8"), BEGIN, END, tables)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
