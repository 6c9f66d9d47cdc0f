"""Run conformance fixtures: compare systems with official outputs.

A fixture is a folder: ``meta.json`` (system, how weights and inputs are made, tolerances),
``params.json`` for networks (ordered names, shapes, dtypes of the state dict) and ``output.npz``
(the output of the official system). A module of the folder ``probes``, or of one beside an extra's
tests, has a dictionary ``PROBES`` that maps a fixture's system to its
:class:`~tests.conformance.probe.Probe`.
"""

import fnmatch
import functools
import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError, InputError, RegistryError
from defocus.near_names import did_you_mean
from tests.conformance.fixture import Fixture, read_fixture

if TYPE_CHECKING:  # torch is needed only when a system of ours runs
    import torch
    from torch import nn

    from tests.conformance.probe import Probe

TESTS = Path(__file__).parents[1]

_PROBE_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, DefocusError, LookupError),
    *(MemoryError, RuntimeError, TypeError, ValueError),
)
"""What a network raises that does not fit the fixture's inputs, entries or arrays."""


@dataclass(frozen=True)
class ArrayResult:
    """Comparison of one stored array with ours; no difference where nothing can be compared."""

    difference: float | None
    tolerance: float
    reason: str = ""

    @property
    def excess(self) -> float:
        if self.difference is None:
            return math.inf
        return self.difference / (self.tolerance or math.ulp(0.0))


@dataclass(frozen=True)
class FixtureResult:
    """Result of one fixture; ``entries_equal`` is of the state dict, None for operators."""

    fixture: str
    system: str
    entries_equal: bool | None = None
    arrays: Mapping[str, ArrayResult] = field(default_factory=dict)
    reason: str = ""
    absent: bool = False

    @property
    def ok(self) -> bool:
        return not self.reason

    @property
    def worst(self) -> ArrayResult | None:
        """The array with the largest difference over tolerance."""
        return max(self.arrays.values(), key=lambda array: array.excess, default=None)

    def to_json(self) -> dict[str, Any]:
        """The object that ``python -m tests.conformance --json`` prints."""
        worst = self.worst
        return {
            "fixture": self.fixture,
            "system": self.system,
            "entries_equal": self.entries_equal,
            "arrays": {
                name: {"difference": array.difference, "tolerance": array.tolerance}
                for name, array in self.arrays.items()
            },
            "max_abs_difference": worst.difference if worst else None,
            "tolerance": worst.tolerance if worst else None,
            "ok": self.ok,
            "reason": self.reason,
        }


def find_fixtures(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """The fixture folders below ``root``, sorted; ``names`` are base names or shell patterns."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of fixtures; check --fixtures")
    folders = {
        entry.name: entry
        for entry in sorted(root.iterdir())
        if entry.is_dir() and not entry.name.startswith((".", "_"))
    }
    if not folders:
        raise InputError(f"{root}: no fixtures in it; check --fixtures")
    for name in names:
        if not fnmatch.filter(folders, name):
            hint = did_you_mean(name, folders)
            raise InputError(f"{root}: no fixture '{name}'{'; ' if hint else ''}{hint}")
    wanted = names or ["*"]
    return [
        folder
        for base, folder in folders.items()
        if any(fnmatch.fnmatchcase(base, name) for name in wanted)
    ]


def probe_files() -> list[Path]:
    """The modules of probes, ours and the extras'."""
    found = (TESTS.glob("conformance/probes/*.py"), TESTS.glob("extras/*/probes/*.py"))
    return [path for paths in found for path in sorted(paths)]


@functools.cache
def all_probes() -> "Mapping[str, Probe]":
    """All probes, by the system that their fixtures name."""
    probes: dict[str, Probe] = {}
    for path in probe_files():
        module = ".".join(("tests", *path.relative_to(TESTS).with_suffix("").parts))
        for system, probe in importlib.import_module(module).PROBES.items():
            if system in probes:
                raise RegistryError(f"{path.name}: '{system}' has a probe elsewhere; drop one")
            probes[system] = probe
    return probes


def run_fixture(folder: Path) -> FixtureResult:
    """Run one fixture; problems of the fixture or of our system are part of the result."""
    try:
        fixture = read_fixture(folder)
    except InputError as error:
        return FixtureResult(folder.name, "", reason=str(error))
    probe = all_probes().get(fixture.system)
    if probe is None:
        reason = f"no system here has a probe for '{fixture.system}'"
        return FixtureResult(folder.name, fixture.system, reason=reason, absent=True)
    try:
        return _run(folder.name, fixture, probe)
    except _PROBE_ERRORS as error:
        reason = f"the system failed: {type(error).__name__}: {' '.join(str(error).split())}"
        return FixtureResult(folder.name, fixture.system, reason=reason)


def _run(name: str, fixture: Fixture, probe: "Probe") -> FixtureResult:
    import torch

    from tests.conformance.probe import fill_weights, override_weights

    module = probe.build().eval() if probe.build else None
    differing = _differing_entry(fixture.entries, module)
    entries_equal = None if fixture.entries is None else not differing
    if differing:
        return FixtureResult(name, fixture.system, entries_equal, reason=differing)
    if module is not None:
        fill_weights(module, fixture.seed, fixture.gain)
        override_weights(module, fixture.overrides)
    with torch.no_grad():
        given = probe.run(module, _inputs(fixture, probe), fixture.meta)
    arrays = {
        array: _compare(fixture, array, stored, given.get(array))
        for array, stored in fixture.arrays.items()
    }
    reason = "; ".join(f"{array}: {one.reason}" for array, one in arrays.items() if one.reason)
    return FixtureResult(name, fixture.system, entries_equal, arrays, reason)


def _inputs(fixture: Fixture, probe: "Probe") -> "dict[str, torch.Tensor]":
    import torch

    if probe.inputs is not None:
        return probe.inputs(fixture.meta)
    if not fixture.inputs:
        raise InputError("input.npz: missing; copy the fixture again")
    return {name: torch.from_numpy(values) for name, values in fixture.inputs.items()}


def _differing_entry(
    wanted: list[tuple[str, list[int], str]] | None, module: "nn.Module | None"
) -> str:
    """The first difference between a state dict and the official one; empty if they are equal."""
    if wanted is None:
        return ""
    if module is None:
        return "params.json: the probe has no network"
    ours = [
        (name, list(entry.shape), str(entry.dtype).removeprefix("torch."))
        for name, entry in module.state_dict().items()
    ]
    for index, (one, other) in enumerate(zip(wanted, ours, strict=False)):
        if one != other:
            return f"state dict entry {index}: official {one}, ours {other}"
    if len(wanted) != len(ours):
        return f"state dict: official {len(wanted)} entries, ours {len(ours)}"
    return ""


def _compare(
    fixture: Fixture, name: str, stored: NDArray[Any], given: "torch.Tensor | None"
) -> ArrayResult:
    tolerance = fixture.tolerances[name]
    if given is None:
        return ArrayResult(None, tolerance, "the probe does not give it")
    ours = given.detach().cpu().numpy().astype(np.float64)
    crop = fixture.crops.get(name)
    if crop is not None and ours.shape != stored.shape:
        ours = ours[..., crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    if ours.shape != stored.shape:
        reason = f"shape {list(ours.shape)}, official {list(stored.shape)}"
        return ArrayResult(None, tolerance, reason)
    if not ours.size:
        return ArrayResult(None, tolerance, "holds no number")
    gap = np.abs(ours - stored.astype(np.float64))
    difference = float(gap.mean() if name in fixture.mean_measured else gap.max())
    if not math.isfinite(difference):
        return ArrayResult(None, tolerance, "not finite")
    if difference > tolerance:
        return ArrayResult(difference, tolerance, f"{difference:.3g} is above {tolerance:.3g}")
    return ArrayResult(difference, tolerance)
