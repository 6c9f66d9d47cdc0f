"""The page about Python and its notebook: their code runs and prints what they show."""

import json
import re

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import defocus
from defocus.baselines.objective_registry import loss, objective
from defocus.baselines.registry import baseline
from defocus.benchmark.documents.section_registry import all_sections
from defocus.benchmark.statistics import resampling
from defocus.command_line.commands import command_group
from defocus.pictures.write import write_image
from research.pages.notebook import NOTEBOOK, PAGE, notebook, parts, printed

BLACK = np.zeros((16, 20, 3))
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


def shape(text: str) -> str:
    """A text without its numbers, which differ in their last digits between machines."""
    return " ".join(NUMBER.sub("#", text).split())


def codes_and_outputs() -> tuple[list[str], list[str]]:
    """The page's code, and what the notebook has stored below each."""
    codes = [
        text for kind, text in parts(PAGE.read_text(encoding="utf-8")) if kind == "code"
    ]
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    outputs = [
        "".join(cell["outputs"][0]["text"]) if cell["outputs"] else ""
        for cell in cells
        if cell["cell_type"] == "code"
    ]
    return ["".join(code) for code in codes], outputs


def test_the_notebook_is_the_page():
    codes, outputs = codes_and_outputs()
    assert len(codes) >= 8
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    # else run: python -m research.pages.notebook
    assert stored == notebook(page, outputs)
    assert all(len(text) < 2000 for text in outputs)
    for code in codes:
        compile(code, str(PAGE), "exec")


@pytest.mark.full
def test_the_code_of_the_page_prints_what_the_notebook_has_stored(
    tmp_path, monkeypatch, small_sample
):
    """Numbers apart: they differ between machines, and the sample has fewer scenes here."""
    monkeypatch.setenv("DEFOCUS_CACHE", small_sample["DEFOCUS_CACHE"])
    monkeypatch.setattr(resampling, "MINIMUM_SCENES", 3)
    codes, outputs = codes_and_outputs()
    output = printed(codes, tmp_path)
    assert [shape(text) for text in output] == [shape(text) for text in outputs]
    assert (tmp_path / "study" / "leaderboard.csv").is_file()


@pytest.mark.full
def test_parts_of_ones_own_are_a_plugin_file(tmp_path, no_plugins):
    _, _, after = PAGE.read_text(encoding="utf-8").partition(
        "`my_parts.py`:\n\n```python\n"
    )
    path = tmp_path / "my_parts.py"
    path.write_text(after.partition("```")[0], encoding="utf-8")
    defocus.plugin(path)
    assert {"my-net", "jdrl-my-net"} <= set(defocus.list_systems("*my-net"))
    assert defocus.score(BLACK, BLACK + 0.5, metrics=["worst"])["worst"] == 0.5
    for role in ("blurry", "sharp"):
        (tmp_path / "pictures" / role).mkdir(parents=True)
        write_image(
            tmp_path / "pictures" / role / "a.png", np.full((16, 20, 3), 7, np.uint8)
        )
    assert [pair.id for pair in defocus.open_dataset(f"inside:{tmp_path}")] == ["a"]
    recipe = baseline("my-net").recipe
    assert recipe().optimiser.name == "sgd"
    assert objective(recipe().objective).name == "nearest"
    assert loss("square")(torch.zeros(2), torch.full((2,), 3.0)) == 9.0
    assert "Seconds" in {one.name for one in all_sections()}
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    assert "(layer): Conv2d" in CliRunner().invoke(group, ["layers"]).output
