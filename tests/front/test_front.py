"""What ``import defocus`` offers: names, types, and what it does not load."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import defocus

ROOT = Path(__file__).parents[2]

TYPED = """
from typing import assert_type

import numpy as np
import torch
from numpy.typing import NDArray

import defocus
from typing import Any

array: NDArray[np.uint8] = np.zeros((32, 32, 3), np.uint8)
tensor = torch.zeros(3, 32, 32)
assert_type(defocus.list_systems("w*"), list[str])
assert_type(defocus.load("wiener"), torch.nn.Module)
assert_type(defocus.restore(array, "wiener"), NDArray[Any])
assert_type(defocus.restore("a.png", "wiener"), NDArray[Any])
assert_type(defocus.restore(tensor, "wiener"), torch.Tensor)
assert_type(defocus.align_pair(array, tensor).sharp, torch.Tensor)
assert_type(defocus.align_pair(array, array).sharp, NDArray[Any])
assert_type(defocus.measure_pair(array, array).gain_ev, float | None)
assert_type(defocus.score(array, array), dict[str, float | None])
assert_type(len(defocus.open_dataset("sample")[1:3].split("test")), int)
assert_type(defocus.open_dataset("sample")[0].id, str)
assert_type(defocus.render("cafe").flow, NDArray[np.float32])
defocus.run(["input"], "sample", "out", "quick").pictures()
defocus.load_results("out").query("metric == 'psnr'")
system = defocus.Baseline.of_network("mine", torch.nn.Identity)
assert_type(system, defocus.Baseline)
defocus.run([system, "input"], "sample", "out")


class Mine(defocus.Objective):
    name = "mine"
"""


def test_every_exported_name_is_there_and_documented():
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    plug_ins = (ROOT / "docs" / "how-to" / "plug-ins.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"\w+", row)}
    assert documented | {"__version__"} == set(defocus.__all__)
    assert "`defocus.__version__`" in page
    assert dir(defocus) == sorted(defocus.__all__)
    for name in documented:
        assert callable(getattr(defocus, name))
        assert getattr(defocus, name).__doc__
        assert re.search(rf"defocus\.{name}\b", page.partition("```")[2] + plug_ins)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'unheard_of'"):
        defocus.unheard_of  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.full
def test_type_checkers_see_the_signatures(tmp_path):
    (tmp_path / "typed.py").write_text(TYPED)
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml",
            "--follow-imports=silent", "--cache-dir", tmp_path / "mypy", tmp_path / "typed.py",
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_lazily_imported_names_are_those_that_type_checkers_see():
    text = (ROOT / "defocus" / "__init__.py").read_text(encoding="utf-8")
    line = re.compile(r"^    from (defocus\.[\w.]+) import (\w+) as \2$", re.MULTILINE)
    seen = set(line.findall(text))
    for module, name in seen:
        assert getattr(defocus, name).__module__ == module
    assert {name for _, name in seen} | {"__version__", "plugin"} == set(defocus.__all__)


def test_the_pages_tell_people_to_import_nothing_that_may_move():
    promised = {"defocus", "defocus.errors"}
    own = ("docs/how-to/own-network.md", "docs/how-to/own-loss.md")
    pages = ("README.md", "docs/python.md", "docs/tutorials/author.md", *own)
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        found = re.findall(r"^ *(?:from|import) (defocus[\w.]*)", text, re.MULTILINE)
        assert found
        assert set(found) <= promised, page
