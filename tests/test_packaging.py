"""What is built: every package of the source is in the wheel."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def test_every_package_is_named_for_the_wheel() -> None:
    """A folder that setup.py forgets is missing where the package is installed."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    named = {
        word
        for line in re.findall(r"^(?:OWN|STAGES) = \(([^)]*)\)", text, re.MULTILINE)
        for word in re.findall(r'"(\w+)"', line)
    }
    there = {path.parent.name for path in (ROOT / "defocus").glob("*/__init__.py")}
    stages = {"capture", "align", "datasets", "benchmark", "baselines", "reports"}
    assert named == there | stages


def test_the_lowest_versions_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = {
        f"{one.name}=={bound.version}"
        for one in map(Requirement, project["dependencies"])
        for bound in one.specifier
        if bound.operator == ">="
    }
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if not line.startswith("#")} == allowed
