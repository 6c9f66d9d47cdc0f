import importlib
import shutil
import sys
from pathlib import Path

import pytest
import torch

import defocus.baselines.systems
import defocus.extras
from defocus import progress
from defocus.baselines.objective import Objective
from defocus.baselines.objective_registry import (
    flow_of,
    loss,
    losses,
    objective,
    objectives,
)
from defocus.baselines.registry import all_baselines, baseline
from defocus.errors import RegistryError

PLUGIN = """
from defocus.baselines.card import Baseline, Card

def build():
    from torch import nn
    return nn.Identity()

def system(name, **more):
    return Baseline(Card(name, name, "network", "single", "paper", "s", "f", "l", **more), build)

ONE = system("plugin-one")
SEVERAL = (system("plugin-two"), system("plugin-three", variant_of="plugin-two"))
BASELINES = SEVERAL
TWICE = system("unet")
SPACED = system("Plugin One")
ORPHAN = system("plugin-child", variant_of="unett")
NUMBER = 7

def halved(scale=0.5):
    return lambda output, target: scale * (output - target).abs().mean()
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a distribution ``defocus-extra`` with the given entry points, for one test."""

    def install(group: str = "defocus.baselines", **points: str) -> None:
        (tmp_path / "extra_systems.py").write_text(PLUGIN, encoding="utf-8")
        (tmp_path / "broken_systems.py").write_text("1 / 0\n", encoding="utf-8")
        info = tmp_path / "defocus_extra-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: defocus-extra\nVersion: 1.0\n"
        )
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
        monkeypatch.syspath_prepend(str(tmp_path))
        for module in ("extra_systems", "broken_systems"):
            monkeypatch.delitem(sys.modules, module, raising=False)

    return install


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("extra_systems:ONE", {"plugin-one"}),
        ("extra_systems:SEVERAL", {"plugin-two", "plugin-three"}),
        ("extra_systems", {"plugin-two", "plugin-three"}),
    ],
)
def test_entry_points_add_systems(plugin, value, names):
    before = set(all_baselines())
    plugin(extra=value)
    assert set(all_baselines()) - before == names
    assert baseline(min(names)).build() is not None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("broken_systems", ["ZeroDivisionError", "cannot be loaded"]),
        ("no_such_module:ONE", ["ModuleNotFoundError", "no_such_module"]),
        ("extra_systems:NUMBER", ["has no Baseline"]),
        ("extra_systems:TWICE", ["'unet'", "defocus.baselines.systems.unet", "rename"]),
        ("extra_systems:SPACED", ["'Plugin One'", "rename"]),
        ("extra_systems:ORPHAN", ["'plugin-child'", "'unett'", "did you mean 'unet"]),
    ],
)
def test_a_faulty_entry_point_is_left_out_with_one_warning(
    plugin, value, words, capsys
):
    before = set(all_baselines())
    plugin(extra=value)
    progress.said_once.clear()
    assert set(all_baselines()) == before
    all_baselines()
    (line,) = capsys.readouterr().err.splitlines()
    for word in ["warning", "'extra'", "defocus-extra", "left out", *words]:
        assert word in line


def test_entry_points_add_losses(plugin, capsys, refused):
    plugin("defocus.losses", halved="extra_systems:halved", broken="broken_systems:x")
    assert loss("halved", scale=2.0)(torch.ones(1), torch.zeros(1)).item() == 2.0
    with refused(RegistryError):
        loss("broken")
    assert "warning: entry point 'broken'" in capsys.readouterr().err


def test_entry_points_add_objectives(plugin):
    plugin("defocus.objectives", theirs="defocus.baselines.objectives.supervised:make")
    assert "theirs" in objectives()
    assert isinstance(objective("theirs"), Objective)


def test_an_extra_brings_systems_and_objectives(tmp_path, monkeypatch, capsys):
    """In a folder each, as ours are, or in a module; one that fails is left out with a warning."""
    extra = tmp_path / "planted_systems"
    for name, text in (("two", PLUGIN), ("wrong", "1 / 0")):
        (extra / "baselines" / name).mkdir(parents=True)
        (extra / "baselines" / name / "baseline.py").write_text(text, encoding="utf-8")
    (extra / "objectives").mkdir()
    (extra / "objectives" / "in_turns.py").write_text(
        "def make(): ...\n", encoding="utf-8"
    )
    monkeypatch.setattr(
        defocus.extras, "__path__", [*defocus.extras.__path__, str(tmp_path)]
    )
    systems = all_baselines()
    assert {"plugin-two", "plugin-three", "unet"} <= set(systems)
    assert "extra 'planted_systems'" in capsys.readouterr().err
    assert "in_turns" in objectives()
    shutil.rmtree(extra)
    assert "plugin-two" not in all_baselines()


def test_plugin_folders_hold_plugins_only():
    """Each module and package is an objective or a loss; nothing is left out of the list."""
    for package, names in (("objectives", objectives()), ("losses", losses())):
        folder = Path(defocus.baselines.systems.__path__[0]).parent / package
        folder_names = {file.stem for file in folder.glob("*.py")} - {"__init__"}
        folder_names |= {file.parent.name for file in folder.glob("*/__init__.py")}
        assert folder_names <= set(names)
        for name in folder_names:
            module = importlib.import_module(f"defocus.baselines.{package}.{name}")
            assert callable(module.make)


@pytest.mark.parametrize(
    ("system", "flow"),
    [
        ("unet", ""),
        ("jdrl-unet", "dis"),
        ("jdrl-unet-official", "pwcnet"),
        ("dmphn", ""),
    ],
)
def test_the_flow_that_an_objective_trains_with(system, flow):
    assert flow_of(baseline(system).recipe()) == flow
