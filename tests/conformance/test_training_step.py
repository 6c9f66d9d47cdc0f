"""One training step of ours against one that the official code did from the same weights."""

import json

import pytest

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.conformance.check import filled_network, output_difference
from tests.conformance.probe import network_inputs
from tests.conformance.test_systems import FIXTURES

STEPPED = [name for name, folder in FIXTURES.items() if (folder / "step.npz").is_file()]


@pytest.mark.full
@pytest.mark.parametrize("name", STEPPED)
def test_a_training_step_is_that_of_the_official_code(name):
    """The loss, and what the network restores after the step; recipe and objective are ours.

    In float64: normalisation over a batch of two magnifies rounding."""
    meta = json.loads((FIXTURES[name] / "meta.json").read_text())
    step = meta["training_step"]
    recipe = baseline(step["baseline"]).recipe()
    network = filled_network(meta).double()
    loss_of = objective(recipe.objective, **recipe.objective_settings)
    optimisers = make_optimisers(recipe, network, loss_of)
    pair = network_inputs({"network_inputs": [step["blurry"], step["target"]]})
    batch = Batch(pair["input0"].double(), pair["input1"].double())
    rate = step["learning_rate"]
    values = optimiser_step(
        recipe, optimisers, network, loss_of, batch, Progress(0, 0.0), rate
    )
    assert float(values["loss"]) == pytest.approx(step["loss"], rel=1e-7)
    assert output_difference(FIXTURES[name], meta, network.float(), "step.npz") == ""
