"""KPAC: order of entries, weight files, training."""

import pytest
import torch
from torch import nn

from defocus.baselines.registry import baseline
from defocus.baselines.systems.kpac.network import KPAC, convert, entry_names
from defocus.baselines.weights.conversion import state_for


@pytest.mark.parametrize("levels", [2, 3])
def test_entries_stand_in_the_order_of_the_graph_also_inside_another_module(levels):
    whole = nn.ModuleDict({"before": nn.Conv2d(1, 1, 1), "kpac": KPAC(levels)})
    names = list(whole.state_dict())
    assert names[2:] == [f"kpac.{name}" for name in entry_names(levels)]
    whole.load_state_dict(whole.state_dict(), strict=True)


@pytest.mark.parametrize("name", ["kpac", "kpac-2level", "kpac-dual"])
def test_tensorlayer_lists_become_ours(name):
    """Without names, kernels as TensorFlow has them; the length tells the levels."""
    torch.manual_seed(0)
    state = baseline(name).build().state_dict()
    listed = {
        f"params.{number}": entry.permute(2, 3, 1, 0) if entry.ndim == 4 else entry
        for number, entry in enumerate(state.values())
    }
    converted = state_for(baseline(name), dict(sorted(listed.items())), "kpac.npz")
    assert list(converted) == list(state)
    assert all(torch.equal(converted[entry], state[entry]) for entry in state)


def test_other_files_are_left_alone_and_other_lengths_refused(refused):
    tensors = {"deblur.c0.weight": torch.zeros(1)}
    assert convert(tensors) is tensors
    with refused(ValueError):
        convert({"params.0": torch.zeros(1), "params.1": torch.zeros(1)})
