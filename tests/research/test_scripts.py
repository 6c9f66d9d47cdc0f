"""Scripts answer ``--help``, and do nothing else then."""

import runpy
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = {
    str(file.relative_to(CHECKOUT)): file
    for folder in ("research", "extras", "tests/golden")
    for file in sorted((CHECKOUT / folder).rglob("*.py"))
    if 'if __name__ == "__main__":\n' in file.read_text(encoding="utf-8")
    and file.name
    != "camera_process.py"  # a process that another starts, and that asks stdin
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_is_no_argument(name, monkeypatch, capsys):
    if "pyiqa" in name:
        pytest.importorskip("pyiqa")
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS[name]), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.lower().startswith("usage: ")
