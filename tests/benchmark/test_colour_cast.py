"""Colour casts of restored pictures: measured, told, and marked in the report."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from defocus.baselines.registry import baseline
from defocus.benchmark.evaluation.evaluate import colour_cast
from defocus.benchmark.evaluation.recording import MOST_CAST
from defocus.benchmark.study.plan import Study, plan_runs
from defocus.benchmark.study.run import run_studies
from defocus.datasets.api import open_dataset
from tests.datasets.conftest import write_folder

MARK = "colour cast"


def test_brightness_is_no_cast_and_a_colour_is():
    blurry = np.random.default_rng(0).integers(40, 200, (20, 30, 3), dtype=np.uint8)
    shown = blurry / 255
    assert colour_cast(shown + 0.05, blurry) < 1e-9
    assert colour_cast(shown + np.array([0.03, 0.0, 0.0]), blurry) == pytest.approx(
        0.02
    )


class Warmer(nn.Module):
    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = torch.tensor([by, 0.0, -by]).reshape(1, 3, 1, 1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry + self.by


@pytest.mark.full
@pytest.mark.parametrize("share", [0.5, 2.0])
def test_a_planted_cast_is_told_and_marked(share, tmp_path, capfd):
    planted = replace(baseline("wiener"), build=lambda: Warmer(share * MOST_CAST))
    dataset = open_dataset(f"pairs:{write_folder(tmp_path / 'x', ['a.png', 'b.png'])}")
    run_studies(
        [Study(tmp_path / "out", dataset, plan_runs([planted], dataset, "demo"))]
    )
    stderr = capfd.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert ("tinted the test picture" in stderr) == (share > 1)
    assert (MARK in page.lower()) == (share > 1)
