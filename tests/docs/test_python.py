"""The page about Python and its notebook: their code runs and prints what they show."""

import json
import re
from pathlib import Path

from docs.notebook import NOTEBOOK, PAGE, notebook, parts, printed

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


def shape(text: str) -> str:
    """A text without its numbers, which differ in their last digits between machines."""
    return " ".join(NUMBER.sub("#", text).split())


def test_the_notebook_is_the_page_and_its_code_prints_what_is_stored(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    codes = [text for kind, text in parts(page) if kind == "code"]
    assert len(codes) >= 8
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    outputs = [
        "".join(cell["outputs"][0]["text"]) if cell["outputs"] else ""
        for cell in stored["cells"]
        if cell["cell_type"] == "code"
    ]
    assert stored == notebook(page, outputs)  # else run: python docs/notebook.py
    found = printed(["".join(code) for code in codes], tmp_path)
    assert [shape(text) for text in found] == [shape(text) for text in outputs]
    assert all(len(text) < 2000 for text in outputs)
    assert (tmp_path / "study" / "leaderboard.csv").is_file()
