"""Averaging of weights at the end of a training (SWA)."""

import torch
from torch import nn

from defocus.benchmark.study.fit import train
from tests.benchmark.test_train import CPU, RECIPE, Loss, Patches, make_run, tensors_of

AVERAGED = RECIPE.model_copy(update={"averaged_from_epoch": 4.0})
"""9 steps of 6 epochs: the last three count."""


class Remembering(Loss):
    """Keeps the weights that each step begins with."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[torch.Tensor] = []

    def forward(
        self, network: nn.Module, *rest: object
    ) -> tuple[torch.Tensor, dict[str, float]]:
        self.begun.append(network.get_parameter("conv.weight").detach().clone())
        return super().forward(network, *rest)  # type: ignore[arg-type]


def test_the_mean_of_the_last_steps_is_what_is_evaluated(tmp_path):
    plain, averaged = tmp_path / "plain", tmp_path / "averaged"
    remembering = Remembering()
    for folder, recipe, loss in (
        (plain, RECIPE, Loss()),
        (averaged, AVERAGED, remembering),
    ):
        folder.mkdir()
        train(make_run(recipe=recipe), lambda loss=loss: loss, Patches(), folder, CPU)
    last, mean = tensors_of(plain), tensors_of(averaged)
    # after steps 6, 7, 8
    weights = [*remembering.begun[-2:], last["network.conv.weight"]]
    torch.testing.assert_close(
        mean["network.conv.weight"], torch.stack(weights).mean(0)
    )
    name = "network.norm.running_mean"  # not computed anew
    torch.testing.assert_close(mean[name], last[name])


def test_before_the_mean_begins_the_weights_stay_as_they_are(tmp_path):
    """As in a budget whose few steps do not come so far."""
    late = RECIPE.model_copy(update={"averaged_from_epoch": 5.9})
    for name, recipe in (("plain", RECIPE), ("late", late)):
        (tmp_path / name).mkdir()
        train(make_run(recipe=recipe), Loss, Patches(), tmp_path / name, CPU)
    tensors = tensors_of(tmp_path / "late")
    assert all(
        torch.equal(t, tensors[name])
        for name, t in tensors_of(tmp_path / "plain").items()
    )
