"""DPDNet: what its conformance fixtures cannot see."""

import math

import pytest
import torch
from torch import nn

from defocus.baselines.systems.dpdnet.network import (
    TRUNCATED_STD,
    DPDNet,
    convert,
    layer_names,
)

NARROW = (8, 16, 32, 64, 128)


@torch.no_grad()
def test_dropout_is_on_levels_four_and_five_in_training_only():
    network = DPDNet(1, NARROW).train()
    features: list[torch.Tensor] = []
    network.dropout.register_forward_hook(lambda _, __, output: features.append(output))
    blurry = torch.rand(1, 3, 64, 64)
    assert not torch.equal(network(blurry), network(blurry))
    assert [tuple(each.shape[1:]) for each in features[:2]] == [(64, 8, 8), (128, 4, 4)]
    network.eval()
    assert torch.equal(network(blurry), network(blurry))


def test_weights_start_as_keras_draws_them():
    network = DPDNet(1, NARROW)
    last = network.get_submodule("conv10")
    for name, layer in network.named_modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        assert not layer.bias.any()
        fan_in = layer.weight[0].numel()
        if layer is not last and layer.weight.numel() > 10_000:
            wanted = math.sqrt(2 / fan_in)
            assert float(layer.weight.detach().std()) == pytest.approx(
                wanted, rel=0.03
            ), name
            assert (
                float(layer.weight.detach().abs().max()) <= 2 * wanted / TRUNCATED_STD
            )
    # Glorot's bound
    assert float(last.weight.detach().abs().max()) <= math.sqrt(6 / (3 + 3))


@pytest.mark.parametrize("whole_model", [False, True])
def test_keras_files_become_ours(whole_model):
    """In the order in which Keras numbers layers, whatever number it begins with."""
    generator = torch.Generator().manual_seed(0)
    wanted: dict[str, torch.Tensor] = {}
    stored: dict[str, torch.Tensor] = {}
    root = "model_weights/" if whole_model else ""
    for number, name in enumerate(layer_names(), start=25):
        # rows, columns, inputs, outputs
        kernel = torch.rand(3, 2, 4, 5, generator=generator)
        bias = torch.rand(5, generator=generator)
        wanted |= {f"{name}.weight": kernel.permute(3, 2, 0, 1), f"{name}.bias": bias}
        path = f"{root}conv2d_{number}/conv2d_{number}/"
        stored |= {f"{path}kernel:0": kernel, f"{path}bias:0": bias}
    if whole_model:
        stored["optimizer_weights/training/Adam/conv2d_25/kernel/m:0"] = torch.rand(
            3, 2, 4, 5
        )
    # as HDF5 lists them: conv2d_3 after conv2d_25
    shuffled = dict(sorted(stored.items()))
    state = convert(shuffled)
    assert set(state) == set(wanted)
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)


def test_the_converted_names_are_the_networks():
    entries = [name.rpartition(".")[0] for name in DPDNet(1, NARROW).state_dict()][::2]
    assert entries == layer_names()


def test_other_files_are_left_alone_and_shorter_ones_refused(refused):
    tensors = {"network.conv1_1.weight": torch.zeros(1)}
    assert convert(tensors) is tensors
    with refused(ValueError):
        convert({"conv2d/conv2d/bias:0": torch.zeros(1)})
