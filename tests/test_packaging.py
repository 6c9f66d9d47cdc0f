"""What is built: every package of the source is in the wheel."""

import re
from pathlib import Path

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
