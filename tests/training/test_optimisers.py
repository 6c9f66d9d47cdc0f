"""Optimisers, clipping, growing crops and adversaries; resumed to the bit with all of them."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.objective import Batch, Progress
from defocus.baselines.recipe import Adversary, Growth, Recipe, Schedule
from defocus.benchmark.study.fit import train
from defocus.benchmark.study.plan import Run
from defocus.errors import TrainingError
from defocus.training import loop as module
from defocus.training.optimiser import Optimiser, make_optimiser
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.benchmark.test_train import CPU, Patches, make_run, resumed
from tests.training.test_parallel import Plain, convolutions

SCHEDULE = Schedule(
    steps=8,
    crop_px=16,
    batch=3,
    learning_rate=1e-2,
    growth=(Growth(from_epoch=2, crop_px=24, batch=1),),
)
RECIPE = Recipe(epochs=4, paper=SCHEDULE, quick=SCHEDULE, demo=SCHEDULE)
AGAINST = RECIPE.model_copy(
    update={"adversary": Adversary(learning_rate=3e-3, steps=2)}
)


class Against(Plain):
    """A critic that sees each batch's restored pictures; it rests in the first epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.adversary = nn.Conv2d(3, 1, 3)
        self.scale = nn.Parameter(torch.ones(1))
        self.steps_seen: list[int] = []

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert not any(p.requires_grad for p in self.adversary.parameters())
        loss, _ = super().forward(network, batch, progress)
        judged = self.adversary(network(batch.blurry)).mean()
        return loss * self.scale.square() - 0.1 * judged, {"judged": judged.item()}

    def adversary_loss(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]] | None:
        if progress.epoch < 1:
            return None
        self.steps_seen.append(progress.step)
        with torch.no_grad():
            restored = network(batch.blurry)
        loss = (self.adversary(restored) - self.adversary(batch.target)).mean()
        return loss + self.adversary.weight.square().sum(), {}


def run_of(recipe: Recipe) -> Run:
    run = make_run(recipe=recipe)
    return replace(run, baseline=Baseline(run.baseline.card, convolutions))


def moved(
    optimiser: Optimiser, clip: float | None = None, rate: float = 1e-3, steps: int = 1
) -> nn.Module:
    network, objective = convolutions(), Plain()
    recipe = RECIPE.model_copy(update={"optimiser": optimiser, "gradient_clip": clip})
    optimisers = make_optimisers(recipe, network, objective)
    batch = Patches().batch(0, 2, 0)
    for step in range(steps):
        optimiser_step(
            recipe, optimisers, network, objective, batch, Progress(step, 0.0), rate
        )
    return network


MOMENTS = {"betas": (0.7, 0.8), "eps": 1e-5, "weight_decay": 0.3}
NESTEROV = {"momentum": 0.9, "nesterov": True}
REFERENCES = {
    "adam": (torch.optim.Adam, MOMENTS),
    "adamw": (torch.optim.AdamW, MOMENTS),
    "radam": (partial(torch.optim.RAdam, decoupled_weight_decay=True), MOMENTS),
    "nadam": (torch.optim.NAdam, {"betas": (0.8, 0.99)}),
    "rmsprop": (torch.optim.RMSprop, {"weight_decay": 1e-4}),
    "SGD": (torch.optim.SGD, NESTEROV),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_each_optimiser_takes_the_settings(name):
    kind, given = REFERENCES[name]
    fields = {"settings": given} if given is NESTEROV else given
    settings = Optimiser.model_validate({"name": name, **fields})
    twin = convolutions()
    optimiser = kind(twin.parameters(), lr=1e-3, **given)
    for _ in range(9):  # RAdam rectifies from the seventh on
        optimiser.zero_grad()
        Plain()(twin, Patches().batch(0, 2, 0), Progress(0, 0.0))[0].backward()
        optimiser.step()
    fused = make_optimiser(settings, [*twin.parameters()], 1e-3).defaults.get("fused")
    assert (fused is True) == (name in {"adam", "adamw"})
    for own, theirs in zip(
        moved(settings, steps=9).parameters(), twin.parameters(), strict=True
    ):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-6)


def test_gradients_are_clipped_by_their_common_norm():
    """Adam's first step does not feel a scale of the gradient, but feels eps."""
    start = [p.detach().clone() for p in convolutions().parameters()]
    eps = 1e-2
    end = moved(Optimiser(eps=eps), clip=1e-3, rate=1.0).parameters()
    changes = torch.cat(
        [(new.detach() - old).flatten() for new, old in zip(end, start, strict=True)]
    )
    gradients = changes.abs() / (1 - changes.abs()) * eps  # from step = g / (|g| + eps)
    assert float(gradients.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_crops_and_batches_grow_with_the_epochs(tmp_path):
    patches = Patches()
    train(run_of(RECIPE), Plain, patches, tmp_path, CPU)
    assert patches.sizes == [(3, 16)] * 4 + [(1, 24)] * 4


@pytest.mark.parametrize("name", ["adamw", "radam"])
def test_a_training_with_an_adversary_resumes_to_the_bit(tmp_path, monkeypatch, name):
    monkeypatch.setattr(module, "MINUTE_SECONDS", 0.0)
    recipe = AGAINST.model_copy(
        update={"optimiser": Optimiser.model_validate({"name": name})}
    )
    objectives: list[Against] = []

    def make() -> Against:
        objectives.append(Against())
        return objectives[-1]

    _, parts = resumed(tmp_path, run_of(recipe), make)
    assert objectives[0].steps_seen == [step for step in range(2, 8) for _ in range(2)]
    columns = (parts / "train.csv").read_text().partition("\n")[0]
    assert (
        columns == "step,epoch,seconds,learning_rate,loss,judged,cpu_seconds,adversary"
    )


def test_the_adversary_is_trained_by_its_own_optimiser_alone(tmp_path):
    objective = Against()
    optimisers = make_optimisers(AGAINST, convolutions(), objective)
    own = {id(p) for group in optimisers.network.param_groups for p in group["params"]}
    against = {
        id(p) for group in optimisers.adversary.param_groups for p in group["params"]
    }
    assert against == {id(p) for p in objective.adversary.parameters()}
    assert not own & against
    assert id(objective.scale) in own
    assert optimisers.adversary.param_groups[0]["lr"] == 3e-3


@pytest.mark.parametrize(("recipe", "objective"), [(RECIPE, Against), (AGAINST, Plain)])
def test_an_adversary_of_one_side_alone_is_refused(recipe, objective, refused):
    with refused(TrainingError):
        make_optimisers(recipe, convolutions(), objective())


def test_parts_of_a_batch_have_the_values_of_the_whole():
    batch, values = Batch(torch.rand(3, 3, 16, 16), torch.rand(3, 3, 16, 16)), []
    for accumulate in (1, 2):
        training = AGAINST.training.model_copy(update={"accumulate": accumulate})
        recipe = AGAINST.model_copy(update={"training": training})
        torch.manual_seed(0)
        network, objective = convolutions(), Against()
        optimisers = make_optimisers(recipe, network, objective)
        step = optimiser_step(
            recipe, optimisers, network, objective, batch, Progress(0, 0.0), 1e-3
        )
        values.append({name: float(value) for name, value in step.items()})
    assert values[0].keys() == {"loss", "judged"}
    assert values[1] == pytest.approx(values[0], rel=1e-5)


def test_an_optimiser_that_cannot_move_the_network_is_one_line():
    recipe = RECIPE.model_copy(update={"optimiser": Optimiser(name="muon")})
    with pytest.raises(TrainingError, match=r"optimiser 'muon': .*2D"):
        make_optimisers(recipe, convolutions(), Plain())


def test_a_network_without_parameters_is_told_so(refused):
    with refused(TrainingError):
        make_optimisers(RECIPE, nn.Identity(), Plain())
