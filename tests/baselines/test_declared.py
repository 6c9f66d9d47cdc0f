"""Systems declared by the folder that they stand in."""

import pytest

from defocus.baselines.card import Baseline, Card, Network
from defocus.errors import RegistryError, SettingsError

NETWORK = """
from torch import nn

class Tiny(nn.Conv2d):
    def __init__(self, size=3, dilation=1):
        super().__init__(3, 3, size, padding="same", dilation=dilation)
"""
RECIPE = """
epochs = 5
paper = { crop_px = 32, batch = 1, learning_rate = 1e-3 }
quick = { steps = 2, crop_px = 32, batch = 1, learning_rate = 1e-3 }
demo = { steps = 1, crop_px = 32, batch = 1, learning_rate = 1e-3 }
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A system in a folder of another distribution, without an ``__init__.py``."""
    folder = tmp_path / f"declared_{tmp_path.name}".replace("-", "_")
    folder.mkdir()
    (folder / "network.py").write_text(NETWORK, encoding="utf-8")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    card = Card(
        "tiny", "Tiny", "network", "single", "own", "s", "f", "l", published_as="row"
    )
    return Baseline.of_folder(f"{folder.name}.baseline", "network:Tiny", card, size=5)


def test_network_and_recipe_are_those_of_the_folder(tiny):
    assert tiny.recipe().epochs == 5
    assert tiny.build().state_dict()["weight"].shape == (3, 3, 5, 5)


def test_a_variant_differs_in_what_is_said_alone(tiny):
    wide = tiny.variant(
        "tiny-wide",
        "Tiny (wide)",
        network={"dilation": 2},
        recipe=lambda own: own.model_copy(update={"epochs": 2 * own.epochs}),
        follows="twice",
    )
    built = wide.build()
    assert (built.kernel_size, built.dilation) == ((5, 5), (2, 2))
    assert (wide.recipe().epochs, tiny.recipe().epochs) == (10, 5)
    assert (wide.card.variant_of, wide.card.published_as) == ("tiny", None)
    assert (wide.card.follows, wide.card.licence) == ("twice", tiny.card.licence)


def test_a_classical_system_has_no_recipe(tiny, refused):
    card = Card("old", "Old", "classical", "single", "paper", "s", "f", "l")
    assert Baseline.of_folder("anywhere.baseline", "network:make", card).recipe is None
    with refused(TypeError):
        Baseline(card, tiny.build).changed(recipe=lambda own: own)
    with refused(TypeError):
        Baseline(card, lambda: tiny.build()).changed(network={"size": 3})


def test_what_is_missing_is_named(tiny, tmp_path, refused):
    module = tiny.build.where.partition(":")[0]
    with refused(RegistryError):
        Network(f"{module}:Huge")()
    next(tmp_path.glob("*/recipe.toml")).unlink()
    with refused(SettingsError):
        tiny.recipe()
