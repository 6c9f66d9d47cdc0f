"""Sizes that a network of somebody else does not take are found before the first step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.benchmark.cost import study_plan
from defocus.benchmark.cost.study_plan import Estimate, show_plan, tell_hours
from defocus.benchmark.cost.trial_step import require_sizes, sizes_of
from defocus.benchmark.evaluation.remaining import Left
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.attempt import train_run
from defocus.benchmark.study.plan import Study, plan_runs
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import TrainingError
from defocus.pictures.write import write_image
from defocus.training.record.folder import CHECKPOINT

CPU = torch.device("cpu")


class Strided(nn.Module):
    """Takes multiples of a number, as networks of several levels do."""

    def __init__(self, multiple: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, multiple, stride=multiple)
        self.up = nn.ConvTranspose2d(4, 3, multiple, stride=multiple)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry + self.up(self.down(blurry))


class Of(nn.Module):
    """Does what a function says."""

    def __init__(self, work: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.work = work
        self.seen: list[tuple[int, ...]] = []

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(blurry.shape[2:]))
        return self.work(blurry)


def check(network: nn.Module, *sizes: tuple[int, int]) -> None:
    require_sizes(Baseline.of_network("own", nn.Identity), network, sizes, CPU)


@pytest.mark.parametrize("multiple", [2, 3, 8, 12, 32, 64])
@pytest.mark.parametrize("size", [(100, 75), (1120, 1601), (64, 51)])
def test_the_multiple_that_mends_it_is_named(multiple, size):
    with pytest.raises(
        TrainingError, match=rf"at {size[1]}x{size[0]} px .* multiple={multiple} "
    ):
        check(Strided(multiple), (192, 192), size)
    check(Strided(multiple), (multiple * 6, multiple * 35))
    mended = Baseline.of_network(
        "own", lambda: Strided(multiple), multiple=multiple
    ).build()
    check(mended, size)
    assert list(mended.state_dict()) == list(Strided(multiple).state_dict())


def test_a_multiple_crops_to_what_the_padded_picture_gives(refused):
    network = Strided(8)
    mended = Baseline.of_network("own", lambda: network, multiple=8).build()
    blurry = torch.rand(1, 3, 13, 16)
    padded = nn.functional.pad(blurry, (0, 0, 0, 3), mode="reflect")
    torch.testing.assert_close(
        mended(blurry), Strided.forward(network, padded)[..., :13, :]
    )
    with refused(ValueError):
        Baseline.of_network("own", nn.Identity, multiple=0)


def test_small_pictures_are_padded_to_the_least_side():
    def work(blurry: torch.Tensor) -> torch.Tensor:
        if min(blurry.shape[2:]) < 20 or any(side % 8 for side in blurry.shape[2:]):
            raise ValueError("too small")
        return blurry

    network = Of(work)
    mended = Baseline.of_network("own", lambda: network, multiple=8, least=20).build()
    blurry = torch.rand(1, 3, 13, 40)
    torch.testing.assert_close(mended(blurry), blurry)
    assert network.seen == [(24, 40)], "the next multiple above the least side"
    check(mended, (10, 10), (100, 75))


def only_of(side: int) -> Of:
    def work(blurry: torch.Tensor) -> torch.Tensor:
        if blurry.shape[2:] != (side, side):
            raise ValueError("positions are of 256")
        return blurry

    return Of(work)


def test_what_no_multiple_mends_says_which_sizes_work(refused):
    with refused(TrainingError):
        check(only_of(256), (256, 256), (100, 100))
    with refused(TrainingError):
        check(Of(lambda blurry: blurry[..., ::2, ::2]), (100, 100))


@pytest.mark.parametrize("outputs", [tuple, lambda two: {"large": two[1]}])
def test_of_several_outputs_the_shapes_are_listed(outputs, refused):
    with refused(TrainingError):
        check(Of(lambda blurry: outputs([blurry[..., ::2, ::2], blurry])), (100, 100))  # type: ignore[arg-type, return-value]


def test_large_pictures_are_tried_small_and_in_their_own_size_before_they_are_refused():
    network = Of(lambda blurry: blurry)
    check(network.train(), (4000, 6001), (4192, 6001))
    assert network.seen == [(256 + (4000 - 256) % 192, 256 + (6001 - 256) % 192)]
    assert network.training
    large = Of(lambda blurry: blurry if blurry.shape[2] == 1000 else blurry[0])
    check(large, (1000, 600))
    assert large.seen[-1] == (1000, 600)


def dataset_of(folder: Path) -> Dataset:
    pairs = []
    for split, size in (("train", (70, 70)), ("test", (50, 40))):
        path = folder / f"{split}.png"
        write_image(path, np.full((*size, 3), 9, np.uint8))
        pairs.append(Pair(split, split, split, path, path))  # type: ignore[arg-type]
    return Dataset("pictures", folder, tuple(pairs), "0" * 64, folder / "derived")


def test_hours_of_several_long_trainings_are_said_with_those_of_two_systems(
    tmp_path, monkeypatch, capsys
):
    hours = {"slow": 20.0, "fast": 0.25, "middle": 0.5, "slower": 30.0}
    monkeypatch.setattr(
        study_plan,
        "estimate",
        lambda _, run: Estimate(
            3000, 3000.0 * hours[run.system], 600.0 * hours[run.system], ""
        ),
    )
    monkeypatch.setattr(study_plan, "has_gpu", lambda: False)
    dataset = dataset_of(tmp_path)
    systems = [Baseline.of_network(name, lambda: Strided(8)) for name in hours]

    def said(systems: list[Baseline], budget: str, seeds: int = 1) -> str:
        runs = plan_runs(systems, dataset, budget, seeds=seeds)
        study = Study(tmp_path / "study", dataset, runs)
        tell_hours([(study, [Left(run, None) for run in runs])])
        return capsys.readouterr().err

    line = (
        "4 systems will take about 50.8 h on this processor, one after another; two systems, with "
        "'--only fast --only middle': 45 min\n"
    )
    assert said(systems, "quick") == line
    assert "about 101.5 h" in said(systems, "quick", seeds=2)
    assert said(systems[:2], "quick") == "", "each says its own before it begins"
    assert said(systems, "demo") == ""


def test_a_study_refuses_it_before_the_first_step_and_in_its_plan(tmp_path, capsys):
    dataset = dataset_of(tmp_path)
    own = Baseline.of_network("own", lambda: Strided(8))
    study = Study(tmp_path / "study", dataset, plan_runs([own], dataset, "demo"))
    (run,) = study.runs
    assert sizes_of(study, run) == [(64, 64), (50, 40)]
    with pytest.raises(TrainingError, match=r"own fails at 40x50 px .* multiple=8 "):
        train_run(study, run)
    assert not (run_folder(study.out, run.id) / CHECKPOINT).exists()
    assert show_plan([study]) == 1
    printed = capsys.readouterr()
    assert "own fails at 40x50 px" in printed.err
    assert "fails, see above" in printed.out
    assert show_plan([replace(study, runs=[replace(run, recipe=None)])]) == 0
