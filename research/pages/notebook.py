"""Make ``docs/python.ipynb`` from ``docs/python.md``: its text, its code, and what that prints.

``python -m research.pages.notebook``"""

import argparse
import contextlib
import io
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from research.pages import DOCS

PAGE = DOCS / "python.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")
LINK = "This page is also available [as a notebook](python.ipynb).\n"

_CODE = re.compile(r"```python\n(.*?)```\n", re.DOTALL)


def parts(page: str) -> Iterator[tuple[str, str]]:
    """The page as cells in their order: ``markdown`` or ``code``, and the text."""
    for number, text in enumerate(_CODE.split(page.replace(LINK, ""))):
        if text.strip():
            yield ("code" if number % 2 else "markdown"), text.strip()


def printed(codes: list[str], folder: Path) -> list[str]:
    """Output of pieces of code, run one after the other in one namespace, in a folder."""
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    with contextlib.chdir(folder):
        for code in codes:
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - our own page
            outputs.append(output.getvalue())
    return outputs


def notebook(page: str, outputs: list[str]) -> dict[str, Any]:
    """The notebook document, format 4.5."""
    stored = iter(outputs)
    cells = []
    for number, (kind, text) in enumerate(parts(page)):
        cell: dict[str, object] = {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": {},
            "source": text.splitlines(keepends=True),
        }
        if kind == "code":
            output = next(stored)
            stream = {"name": "stdout", "output_type": "stream"}
            lines = output.splitlines(keepends=True)
            cell["outputs"] = [{**stream, "text": lines}] if output else []
            cell["execution_count"] = None
        cells.append(cell)
    kernel = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def main() -> None:
    """Run the page and write the notebook."""
    page = PAGE.read_text(encoding="utf-8")
    codes = [text for kind, text in parts(page) if kind == "code"]
    with tempfile.TemporaryDirectory() as folder:
        outputs = printed(codes, Path(folder))
    document = json.dumps(notebook(page, outputs), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
