"""Files of TensorFlow's variables become state dicts with the official names and shapes."""

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from defocus.baselines.registry import baseline
from defocus.baselines.weights.conversion import state_for
from defocus.baselines.weights.entries import in_order

FIXTURES = Path(__file__).parents[1] / "conformance" / "fixtures"
SYSTEMS = ["mdp", "aifnet", "dmenet"]
Variables = dict[str, torch.Tensor]


def shapes_of(name: str) -> tuple[dict[str, tuple[int, ...]], Variables]:
    """Entries that are wanted, and variables as the official files name them; no memory taken."""
    parameters = json.loads((FIXTURES / name / "params.json").read_text())
    entries = {entry: tuple(shape) for entry, shape, _ in parameters["entries"]}
    variables = {
        variable: torch.zeros(shape, device="meta")
        for variable, shape, _ in parameters["tf_entries"]
    }
    return entries, variables


def convert(name: str) -> Callable[[Mapping[str, torch.Tensor]], Variables]:
    conversion: Callable[[Mapping[str, torch.Tensor]], Variables]
    conversion = importlib.import_module(
        f"defocus.baselines.systems.{name}.network"
    ).convert
    return conversion


def shapes(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize("name", SYSTEMS)
def test_named_variables_become_the_official_entries(name):
    entries, variables = shapes_of(name)
    # Keras repeats the layer's name as a group, and ends names with :0 as TensorLayer does.
    files = {
        (
            f"model_weights/{variable.split('/')[0]}/{variable}:0"
            if name == "mdp"
            else f"{variable}:0"
        ): value
        for variable, value in variables.items()
    }
    strangers = {
        "optimizer_weights/Adam/conv2d/kernel/m:0": torch.zeros(1),
        "other_net/c1/kernel:0": torch.zeros(1),
    }
    assert shapes(convert(name)(files | strangers)) == entries


@pytest.mark.parametrize("name", ["aifnet", "dmenet"])
def test_variables_without_names_are_taken_in_order(name, refused):
    entries, variables = shapes_of(name)
    listed = {
        f"params.{index}": value for index, value in enumerate(variables.values())
    }
    assert shapes(convert(name)(listed)) == entries
    del listed["params.7"]
    with refused(ValueError):
        convert(name)(listed)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_checkpoint_of_a_training_of_ours_needs_no_conversion(name):
    entries, _ = shapes_of(name)
    own = {
        f"network.{entry}": torch.ones(()).expand(shape)
        for entry, shape in entries.items()
    }
    of_training = {
        "objective.features.weight": torch.ones(2),
        "optimiser.0.step": torch.ones(1),
    }
    assert shapes(state_for(baseline(name), own | of_training, "file")) == entries


def test_keras_numbers_need_not_begin_at_zero(refused):
    entries, variables = shapes_of("mdp")
    later = {}
    for path, value in variables.items():
        layer, part = path.split("/")
        number = int(layer.partition("_")[2] or 0) + 49
        later[f"conv2d_{number}/conv2d_{number}/{part}:0"] = value
    assert shapes(convert("mdp")(later)) == entries
    later.pop("conv2d_60/conv2d_60/kernel:0")
    later.pop("conv2d_60/conv2d_60/bias:0")
    with refused(ValueError):
        convert("mdp")(later)


def test_a_variable_of_another_shape_is_named(refused):
    entries = [("a.weight", (4, 3, 1, 2)), ("a.bias", (4,))]
    given = {"params.0": torch.zeros(1, 2, 3, 4), "params.1": torch.zeros(5)}
    with refused(ValueError):
        in_order(given, entries)
