"""The page of the research names everything that is started."""

import re
from pathlib import Path

RESEARCH = Path(__file__).parents[2] / "research"


def test_every_script_is_in_the_readme():
    text = (RESEARCH / "README.md").read_text()
    named = set(re.findall(r"^\| `([\w.]+)`", text, re.MULTILINE))
    pages = {name for name in named if (RESEARCH / "pages" / f"{name}.py").is_file()}
    assert pages == {path.stem for path in (RESEARCH / "pages").glob("[a-z]*.py")}
    scripts = {path.stem for path in RESEARCH.glob("[a-z]*.py")}
    learned = {
        f"learning.{path.stem}" for path in (RESEARCH / "learning").glob("[a-z]*.py")
    }
    assert scripts | learned <= named
