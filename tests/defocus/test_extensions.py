"""Plug-in files: run once, found by type, their faults told in one line with the place."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import defocus
from defocus.baselines.objective import Batch, Objective, outputs_of
from defocus.baselines.objective_registry import (
    OBJECTIVES,
    loss,
    losses,
    objective,
    objectives,
    source_hashes,
)
from defocus.baselines.registry import (
    BASELINES,
    all_baselines,
    baseline,
    known_baselines,
    with_objective,
)
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.results.run_folder import one_line
from defocus.datasets.api import open_dataset, reader, reader_names
from defocus.errors import DatasetError, RegistryError
from defocus.plugins import extensions
from defocus.plugins.extensions import load_plugin, plugins
from defocus.processes.isolation import attempt

NET = """
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.systems.unet import UNET  # to build upon: no system of this file


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry):
        return blurry + self.conv(blurry)


NET = Baseline.of_network("my-net", Net)
"""

PARTS = """
import torch

from defocus.baselines.loss import Loss
from defocus.baselines.objective import Objective
from defocus.benchmark.metrics.metric import Metric
from defocus.datasets.api import Reader, open_dataset


def make(power=2.0):
    return lambda output, target: (output - target).abs().pow(power).mean()


class Halves(Objective):
    name = "halves"

    def forward(self, network, batch, progress):
        return (network(batch.blurry) - batch.target).square().mean() / 2, {}


MINE = Loss("my-loss", make)
BIAS = Metric("bias", "Bias", "lower", "", 4, lambda a, b, mask, profile: abs((a - b)[mask].mean()))
READERS = (Reader("twins", lambda folder: open_dataset(f"pairs:{folder}")),)
"""


@pytest.fixture
def write(tmp_path, no_plugins):
    """Writes a plug-in file."""

    def written(text: str, name: str = "my_net.py") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_all_kinds_of_parts_are_found_by_type(write, tmp_path):
    import torch

    plugin = load_plugin(write(PARTS))
    assert "my-loss" in losses()
    assert "halves" in objectives()
    value = loss("my-loss", power=1.0)(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2))
    assert value.item() == 1.0
    assert isinstance(objective("halves"), Objective)
    assert all_metrics()["bias"].source_hash == plugin.source_hash
    assert "twins" in reader_names()
    with pytest.raises(DatasetError):
        open_dataset(f"twins:{tmp_path}")  # the reader runs, and finds no pairs

    halves = with_objective(baseline("unet"), "halves")
    assert halves.card.name == "halves-unet"
    assert known_baselines(["halves-unet", "nobody"]).keys() == {"halves-unet"}
    recipe = halves.recipe()
    assert source_hashes(recipe) == {"halves": plugin.source_hash}
    terms = {"terms": [{"loss": "my-loss"}, {"loss": "l1"}]}
    own = recipe.model_copy(
        update={"objective": "supervised", "objective_settings": terms}
    )
    assert source_hashes(own) == {"my-loss": plugin.source_hash}


OUTPUTS = "\n\n    def outputs(self, blurry):\n        return {'restored': self.forward(blurry)}"


class Halves(torch.nn.Module):
    def forward(self, blurry):
        return blurry.mul_(0.5)


def test_a_network_may_change_what_it_is_given(write):
    in_place = f"return blurry.mul_(0.5){OUTPUTS}"
    load_plugin(write(NET.replace("return blurry + self.conv(blurry)", in_place)))
    picture, own = np.full((40, 44, 3), 0.8, np.float32), baseline("my-net").build()
    for strength, value in ((0.0, 0.8), (0.5, 0.6), (1.0, 0.4)):
        for network in (own, Halves()):
            restoration = defocus.restore(
                picture, network, strength=strength, guard=False
            )
            np.testing.assert_allclose(restoration, value, rtol=1e-6)
    blurry = torch.full((1, 3, 16, 16), 0.8)
    assert outputs_of(own, Batch(blurry, blurry))["restored"].max() < 0.5 < blurry.min()


def test_a_fault_of_a_network_names_its_file(write):
    path = write(
        NET.replace("return blurry + self.conv(blurry)", "raise SystemExit(3)")
    )
    load_plugin(path)
    of_python = attempt("a.png", lambda: baseline("my-net").build()(3)).reason
    assert of_python == f"plug-in {path}:14: SystemExit: 3; correct it there"
    of_torch = one_line(RuntimeError("word " * 99), baseline("my-net").source_hash)
    assert (
        of_torch == f"plug-in {path}: RuntimeError: {'word ' * 59}…; correct it there"
    )
    assert one_line(RuntimeError("a\nb")) == "RuntimeError: a b"


def test_a_file_with_read_is_a_reader_of_its_name(write):
    load_plugin(
        write('"""How mine lie."""\ndef read(folder):\n    raise ValueError(folder)\n')
    )
    assert reader("my-net").description == "How mine lie."


def test_jdrl_takes_the_registered_system_where_there_is_one(refused):
    assert with_objective(baseline("unet"), "jdrl").card == baseline("jdrl-unet").card
    assert with_objective(baseline("jdrl-unet"), "jdrl").card.name == "jdrl-unet"
    system = with_objective(baseline("restormer"), "jdrl")
    assert system.card.name == "jdrl-restormer"
    assert baseline("jdrl-restormer").card == system.card
    with refused(RegistryError):
        with_objective(baseline("input"), "jdrl")
    with refused(RegistryError):
        with_objective(baseline("unet"), "jdlr")


def test_an_edited_file_replaces_its_former_self(write):
    first = load_plugin(write(NET))
    assert load_plugin(write(NET)) is first
    before = baseline("my-net").source_hash
    second = load_plugin(write(NET.replace("3, padding=1", "1")))
    assert second.source_hash != first.source_hash
    assert plugins() == (second,)
    assert baseline("my-net").source_hash != before


def test_child_processes_load_the_same_files(write, monkeypatch):
    path = write(NET)
    monkeypatch.setenv(extensions.ENVIRONMENT, str(path))
    assert [one.path for one in plugins()] == [path]


def test_a_file_edited_since_the_parent_loaded_it_is_not_run(write, monkeypatch):
    """Part of the work would be done by the one text, the rest by the other."""
    path, edited = write(NET), NET.replace("3, padding=1", "1")
    load_plugin(path)
    monkeypatch.setattr(extensions, "_loaded", {})  # as in a new process
    write(f"# a comment\n{NET}")
    assert [one.path for one in plugins()] == [path]
    monkeypatch.setattr(extensions, "_loaded", {})
    write(f"{edited}\nraise SystemExit\n")
    for take in (plugins, extensions.take_named_plugins, plugins):
        with pytest.raises(RegistryError, match=f"{path} has changed since the comm"):
            take()
    assert not extensions._loaded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n1 / 0\n", [":2:", "ZeroDivisionError"]),
        ("x = (\n", [":1:", "SyntaxError"]),
        (
            "import nowhere_at_all\n",
            [":1:", "nowhere_at_all", "install it, or put it into"],
        ),
        ("raise SystemExit(3)\n", [":1:", "SystemExit"]),
        (
            "from defocus.baselines.card import Baseline\nx = 1\n",
            ["defines no Baseline"],
        ),
    ],
)
def test_a_faulty_file_is_one_line_with_its_place(write, text, words):
    path, before = write(text), set(sys.modules)
    with pytest.raises(RegistryError) as raised:
        load_plugin(path)
    for word in [str(path), *words]:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value)
    assert plugins() == ()
    assert not [name for name in set(sys.modules) - before if "defocus_plugin" in name]


@pytest.mark.parametrize(
    ("network", "recipe", "network_words", "recipe_words"),
    [
        ("1 / 0", "Optimiser(name='sgdd')", "ZeroDivisionError", "did you mean 'sgd"),
        ("3", "4", "int instead of a torch", "int instead of a Recipe"),
    ],
)
def test_a_faulty_recipe_or_network_names_the_file(
    write, network, recipe, network_words, recipe_words
):
    own = f"BAD = Baseline.of_network('bad', lambda: {network}, lambda: {recipe})\n"
    path = write(f"{NET}\nfrom defocus.training.optimiser import Optimiser\n{own}")
    load_plugin(path)
    bad = baseline("bad")
    assert bad.recipe is not None
    with pytest.raises(
        RegistryError, match=f"{path}:.*recipe of 'bad'.*{recipe_words}"
    ):
        bad.recipe()
    with pytest.raises(
        RegistryError, match=f"{path}:.*network of 'bad'.*{network_words}"
    ):
        bad.build()


@pytest.mark.parametrize("one", ["unet", "my-net"])
def test_names_that_clash_are_one_line(write, one, refused):
    load_plugin(write(NET.replace("my-net", one), "one.py"))
    load_plugin(write(NET, "two.py"))
    with refused(RegistryError):
        all_baselines()


def test_private_names_are_the_files_own(write):
    load_plugin(write(NET + "\n_OTHER = Baseline.of_network('other', Net)\n"))
    brought = [
        name for name, one in BASELINES.offers().items() if one.plugin is not None
    ]
    assert brought == ["my-net"], "not the one that it imports"
    assert not [one for one in OBJECTIVES.offers().values() if one.plugin is not None]
    assert "other" not in all_baselines()


def test_a_missing_file_is_named(tmp_path, refused):
    with refused(RegistryError):
        load_plugin(tmp_path / "nothing.py")
