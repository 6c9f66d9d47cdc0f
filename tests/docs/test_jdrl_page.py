"""Tables of ``docs/jdrl.md`` say what the studies say."""

import runpy
from pathlib import Path

import pytest

from defocus.baselines.ablation import ablation_of
from defocus.benchmark.experiments.ablation.lines import paper_psnr

PAGE = Path(__file__).parents[2] / "docs" / "jdrl.md"
MADE = "## The parts of JDRL"
END = "### What the parts show"
RIVALS = "| better than JDRL:"
DOSES = ("2 px", "4 px", "8 px")
LINES = {
    "all of JDRL, instead of the plain loss": "1 plain loss",
    "deformation": "2 without deformation",
    "mask": "3 without mask",
    "reblurring": "4 without reblurring",
    "isotropic kernels, instead of free ones": "5 free kernels",
    "weighted kernels, instead of one": "6 one kernel",
    "registered pairs, instead of JDRL": "registered pairs",
}
"""Row of the opening table, and line of the study."""


def cells_of(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


@pytest.mark.parametrize("part", LINES)
def test_each_row_of_the_opening_table_is_that_of_the_study(part: str) -> None:
    before, _, made = PAGE.read_text(encoding="utf-8").partition(MADE)
    (row,) = (line for line in before.splitlines() if line.startswith(f"| {part} |"))
    *differences, paper = cells_of(row)[1:]
    made = made.partition(END)[0]
    claims, _, rivals = made.partition("| JDRL is better than:")[2].partition(RIVALS)
    line = LINES[part]
    there = rivals.partition("| protocol |")[0] if line == "registered pairs" else claims
    (claim,) = (one for one in there.splitlines() if one.startswith(f"| {line} |"))
    said = [f"{dose}: {one}" for dose, one in zip(DOSES, differences, strict=True)]
    assert cells_of(claim)[1] == "; ".join(said)
    jdrl = ablation_of("jdrl")
    values = {one.label: paper_psnr(jdrl, one) for one in jdrl.lines}
    whole, without = values["JDRL"], values.get(line)
    assert paper == ("" if whole is None or without is None else f"{whole - without:.2f}")


def test_the_made_sections_are_those_of_the_documents_beside_the_page() -> None:
    made = runpy.run_path(str(PAGE.with_suffix(".py")))
    page = PAGE.read_text(encoding="utf-8")
    for name, file in made["SECTIONS"].items():
        lines = made["section"](made["read_document"](file), made["ROW_CHARTS"].get(name))
        assert made["with_section"](page, name, lines) == page
