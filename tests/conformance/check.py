"""Run conformance fixtures: compare systems with official outputs.

A fixture is a folder: ``meta.json``, ``params.json`` for networks and the official ``output.npz``.
Modules in ``probes`` have a dictionary ``PROBES`` that maps a fixture's system to its probe.
"""

import functools
import importlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.errors import RegistryError
from tests.conformance.probe import Arrays, Probe, fill_weights, override_weights

TESTS = Path(__file__).parents[1]
MEASURES = {"mean absolute difference": np.mean, "largest absolute difference": np.max}
"""How an array is compared, by the words that ``meta.json`` begins with; the largest by default."""


def find_fixtures(root: Path) -> list[Path]:
    """The fixture folders below ``root``, sorted."""
    return sorted(entry for entry in root.iterdir() if (entry / "meta.json").is_file())


def probe_files() -> list[Path]:
    """The modules of probes, ours and the extras'."""
    patterns = (
        TESTS.glob("conformance/probes/*.py"),
        TESTS.glob("extras/*/probes/*.py"),
    )
    return [path for paths in patterns for path in sorted(paths)]


@functools.cache
def all_probes() -> Mapping[str, Probe]:
    """All probes, by the system that their fixtures name."""
    probes: dict[str, Probe] = {}
    for path in probe_files():
        module = ".".join(("tests", *path.relative_to(TESTS).with_suffix("").parts))
        for system, probe in importlib.import_module(module).PROBES.items():
            if system in probes:
                raise RegistryError(
                    f"{path.name}: '{system}' has a probe elsewhere; drop one"
                )
            probes[system] = probe
    return probes


def run_fixture(folder: Path) -> str:
    """What our system gives otherwise than the official one; empty where all is the same."""
    meta = json.loads((folder / "meta.json").read_text())
    parameters = folder / "params.json"
    module = filled_network(meta)
    if parameters.exists():
        differing = _differing_entry(
            json.loads(parameters.read_text())["entries"], module
        )
        if differing:
            return differing
    return output_difference(folder, meta, module, "output.npz")


def filled_network(meta: Mapping[str, Any]) -> nn.Module | None:
    """The system's network with a fixture's weights, in training mode; None for operators."""
    build = all_probes()[meta["system"]].build
    if build is None:
        return None
    module = build()
    fill_weights(module, meta.get("seed", 0), meta.get("gain", 1.0))
    override_weights(module, meta.get("overrides", []))
    return module


def output_difference(
    folder: Path, meta: Mapping[str, Any], module: nn.Module | None, file: str
) -> str:
    """What a system with weights gives otherwise than a file of a fixture; empty if nothing."""
    probe = all_probes()[meta["system"]]
    stored = _official(folder / file, meta)
    if module is not None:
        module.eval()
    with torch.no_grad():
        given = probe.run(module, _inputs(folder, meta, probe), meta)
    reasons = {
        name: _difference(meta, name, array, given) for name, array in stored.items()
    }
    if not reasons or (module is not None and "output" not in reasons):
        return "nothing is stored to compare with"
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)


def _official(file: Path, meta: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    if "values" in meta:
        return {name: np.asarray(value) for name, value in meta["values"].items()}
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def _inputs(folder: Path, meta: Mapping[str, Any], probe: Probe) -> Arrays:
    if probe.inputs is not None:
        return probe.inputs(meta)
    with np.load(folder / "input.npz", allow_pickle=False) as stored:
        return {name: torch.from_numpy(values) for name, values in stored.items()}


def _differing_entry(wanted: list[list[Any]], module: nn.Module | None) -> str:
    """The first difference between a state dict and the official one; empty if they are equal."""
    state = {} if module is None else module.state_dict()
    names = [
        [name, list(entry.shape), str(entry.dtype).removeprefix("torch.")]
        for name, entry in state.items()
    ]
    for index, (one, other) in enumerate(zip(wanted, names, strict=False)):
        if one != other:
            return f"state dict entry {index}: official {one}, ours {other}"
    if len(wanted) != len(names):
        return f"state dict: official {len(wanted)} entries, ours {len(names)}"
    return ""


def _difference(
    meta: Mapping[str, Any],
    name: str,
    stored: NDArray[Any],
    given: Mapping[str, torch.Tensor],
) -> str:
    if name not in given:
        return "the probe does not give it"
    values = given[name].detach().cpu().numpy().astype(np.float64)
    crops = meta.get("stored_crops", {})
    crop = crops.get(name, meta.get("stored_crop") if name == "output" else None)
    if crop is not None and values.shape != stored.shape:
        rows = slice(crop["top"], crop["top"] + crop["height"])
        values = values[..., rows, crop["left"] : crop["left"] + crop["width"]]
    if values.shape != stored.shape or not values.size:
        return f"shape {list(values.shape)}, official {list(stored.shape)}"
    words = meta.get("metric", {}).get(name, "largest absolute difference")
    (measure,) = (one for begin, one in MEASURES.items() if words.startswith(begin))
    difference = float(measure(np.abs(values - stored.astype(np.float64))))
    tolerance = meta["tolerance"]
    most = tolerance[name] if isinstance(tolerance, dict) else tolerance
    if not math.isfinite(difference):
        return "not finite"
    return "" if difference <= most else f"{difference:.3g} is above {most:.3g}"
