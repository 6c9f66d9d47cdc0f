"""The page on plug-ins: each of its files does what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import defocus
from defocus.command_line.commands import command_group
from defocus.datasets.api import reader_card
from defocus.errors import DatasetError, RegistryError
from defocus.pictures.write import write_image
from tests.benchmark.example_study import make_study

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "plug-ins.md"
FILES = dict(
    re.findall(
        r"`(\w+\.py)`:\n\n```python\n(.*?)```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL,
    )
)


@pytest.fixture(autouse=True)
def files(no_plugins, monkeypatch, tmp_path):
    """The files of the page, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")


def bench(*words: str) -> Result:
    group = command_group(
        "defocus-bench", "defocus.benchmark.commands", "", headings=("Report",)
    )
    return CliRunner().invoke(group, list(words), catch_exceptions=False)


def test_the_page_has_four_files_that_import_nothing_of_ours_below_defocus():
    assert set(FILES) == {"hello.py", "slow.py", "box.py", "albums.py"}
    assert not re.search(r"(import|from) defocus\.", "".join(FILES.values()))


def test_the_command():
    make_study(Path("study"), systems=1, images=4)
    assert bench("--plugin", "hello.py", "hello", "study").output == "4 pictures\n"
    listed = bench("--plugin", "hello.py", "--help").output
    assert "hello" in listed.split("Report:\n")[1].split("\n\n")[0]


def test_the_section():
    make_study(Path("study"), systems=2, images=4)
    bench("report", "--out", "study", "--plugin", "slow.py")
    report = Path("study/report.html").read_text(encoding="utf-8")
    assert "Slowest: " in report
    assert "0.15 s for a picture." in report


def test_the_reader():
    Path("mine").mkdir()
    for name in "abcde":
        for state in ("open", "closed"):
            write_image(
                Path(f"mine/{name}-{state}.png"), np.full((16, 20, 3), 7, np.uint8)
            )
    Path("mine/b-closed.png").unlink()
    defocus.plugin("albums.py")
    assert reader_card("albums").source == "reader of albums.py"
    dataset = defocus.open_dataset("albums:mine")
    assert [(pair.id, pair.split) for pair in dataset] == [
        ("a", "train"), ("c", "train"), ("d", "train"), ("e", "test"),
    ]  # fmt: skip


def test_a_broken_reader_is_a_line(refused):
    Path("mine").mkdir()
    Path("wrong.py").write_text("def read(folder):\n    return folder.nothing\n")
    Path("other.py").write_text("def read(folder):\n    return []\n")
    for name in ("wrong.py", "other.py", "albums.py"):
        defocus.plugin(name)
    with pytest.raises(
        RegistryError, match=r"wrong\.py:2: reader 'wrong': AttributeError"
    ):
        defocus.open_dataset("wrong:mine")
    with refused(DatasetError):
        defocus.open_dataset("other:mine")
