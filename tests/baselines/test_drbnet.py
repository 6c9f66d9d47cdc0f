"""DRBNet: kernels, scales, stages of training."""

import pytest
import torch

from defocus.baselines.objectives.supervised import make
from defocus.baselines.recipe import Recipe, Schedule
from defocus.baselines.registry import baseline
from defocus.baselines.weights.store import add_weights
from defocus.benchmark.study.fit import train
from defocus.benchmark.study.plan import Run
from defocus.errors import InputError
from tests.benchmark.test_train import CPU, Patches


@pytest.mark.full
def test_a_schedule_starts_from_added_weights(tmp_path, monkeypatch, refused):
    """The same label is refused before anything was added under it."""
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    system = baseline("kpac-2level")  # a small one
    settings = {
        "crop_px": 16,
        "batch": 1,
        "learning_rate": 1e-12,
        "steps": 1,
        "start": "first",
    }
    schedule = Schedule.model_validate(settings)
    recipe = Recipe(epochs=1, paper=schedule, quick=schedule, demo=schedule)
    run = Run("kpac-2level-01234567", "group", system, recipe, "demo", 0)

    def trained() -> torch.nn.Module:
        return train(run, make, Patches(), tmp_path, CPU).network

    with refused(InputError):
        trained()
    torch.manual_seed(77)
    state = system.build().state_dict()
    torch.save(state, tmp_path / "first.pth")
    add_weights(system, [tmp_path / "first.pth"])
    converted = trained().state_dict()
    for name, entry in state.items():
        torch.testing.assert_close(converted[name], entry, rtol=0, atol=1e-9)
