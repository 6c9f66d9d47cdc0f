"""Our systems against stored outputs of the official ones."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from defocus.conformance import fill_weights, override_weights

FIXTURES = Path(__file__).parents[1] / "conformance"
PROBE_MODULES = {
    "jdrl_unet": "defocus.baselines.unet.conformance",
    "jdrl_reblur": "defocus.baselines.objectives.jdrl.conformance",
    "jdrl_ops": "defocus.baselines.objectives.jdrl.conformance",
}


@pytest.mark.parametrize("name", PROBE_MODULES)
@torch.no_grad()
def test_fixture(name: str) -> None:
    meta = json.loads((FIXTURES / name / "meta.json").read_text())
    probe = importlib.import_module(PROBE_MODULES[name]).PROBES[meta["system"]]
    module = None
    if probe.build is not None:
        module = probe.build().eval()
        wanted = json.loads((FIXTURES / name / "params.json").read_text())["entries"]
        have = [
            [entry, list(value.shape), str(value.dtype).removeprefix("torch.")]
            for entry, value in module.state_dict().items()
        ]
        assert have == wanted
        fill_weights(module, meta["seed"], meta["gain"])
        override_weights(module, meta["overrides"])
    arrays = probe.run(module, probe.inputs(meta), meta)
    stored = np.load(FIXTURES / name / "output.npz")
    assert set(arrays) == set(stored.files)
    for key in stored.files:
        difference = np.abs(arrays[key].numpy().astype(np.float64) - stored[key])
        by_mean = meta.get("metric", {}).get(key, "").startswith("mean")
        assert (difference.mean() if by_mean else difference.max()) <= meta["tolerance"][key], key
