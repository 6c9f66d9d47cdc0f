"""How parameters are counted without memory, and declared; test_contract compares every count."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from defocus.baselines import size
from defocus.baselines.card import Baseline
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.size import parameter_count
from defocus.benchmark.commands.list import parameters


def system(build: object) -> Baseline:
    return replace(baseline("input"), build=build)  # type: ignore[arg-type]


def test_no_memory_is_taken_and_the_device_is_put_back():
    """A hundred gigabytes of weights, drawn in both ways that PyTorch's layers know."""

    def build() -> nn.Module:
        network = nn.Linear(200_000, 125_000)
        nn.init.kaiming_normal_(network.weight)
        return network

    assert parameter_count(system(build)) == 200_000 * 125_000 + 125_000
    assert torch.empty(1).device.type == "cpu"
    assert torch.empty(1000).normal_().std() > 0.5, "draws work again"


class Reads(nn.Module):
    """Its width is read from a tensor."""

    def __init__(self) -> None:
        super().__init__()
        width = int(torch.tensor([2.0, 3.0]).sum())
        self.layer = nn.Linear(width, 7)


class Copies(nn.Module):
    """A layer is moved to a device by name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 6).to("cpu")


@pytest.mark.parametrize(("build", "expected"), [(Reads, 42), (Copies, 30)])
def test_a_build_that_needs_values_is_counted_for_real_and_said(build, expected, capfd):
    assert parameter_count(system(build)) == expected
    assert "input: built in full" in capfd.readouterr().err


def test_an_error_of_the_build_itself_is_not_swallowed(refused):
    def build() -> nn.Module:
        raise RuntimeError("no such layer")

    with refused(RuntimeError):
        parameter_count(system(build))


def test_systems_of_one_network_declare_one_size():
    """So that the check of one system of each network is a check of all."""
    sizes: dict[str, set[int]] = {}
    for system in all_baselines().values():
        sizes.setdefault(repr(system.build), set()).add(parameters(system))
    assert all(len(counts) == 1 for counts in sizes.values())


def test_what_others_or_options_changed_is_counted(monkeypatch):
    monkeypatch.setattr(size, "parameter_count", lambda system: 7)
    own = baseline("unet")
    assert parameters(own) == 31_033_411
    assert parameters(replace(own, source_hash="a file of somebody")) == 7
    assert parameters(replace(own, is_narrow=True)) == 7
    assert parameters(replace(own, card=replace(own.card, name="another"))) == 7
