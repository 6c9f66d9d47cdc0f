"""Parts of a declared system: its network by name, its recipe by its folder.

Both are resolved when called, so that listing systems does not import torch.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from defocus.errors import RegistryError

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipes.recipe import Recipe

__all__ = ["Network", "RecipeFile"]


@dataclass(frozen=True)
class Network:
    """A network, declared by ``package.module:name``; ``zeroed`` layers have weights of zero."""

    where: str
    settings: Mapping[str, object] = field(default_factory=dict)
    zeroed: tuple[str, ...] = ()

    def __call__(self) -> "nn.Module":
        """Make the network with fresh weights."""
        network = self.maker()(**self.settings)
        for name in self.zeroed:
            network.get_submodule(name).apply(_zero)
        return network

    def maker(self) -> "Callable[..., nn.Module]":
        """The class or function itself."""
        module, _, name = self.where.partition(":")
        make: Callable[..., nn.Module] | None = getattr(importlib.import_module(module), name, None)
        if make is None:
            raise RegistryError(f"network {self.where!r}: {module} has no {name!r}; correct it")
        return make

    @property
    def package(self) -> str:
        """Import name of the module's package."""
        return self.where.partition(":")[0].rpartition(".")[0]

    def given(self, settings: Mapping[str, object]) -> "Network":
        """The same network with further keyword arguments."""
        return replace(self, settings={**self.settings, **settings})


def _zero(layer: "nn.Module") -> None:
    for parameter in layer.parameters(recurse=False):
        parameter.data.zero_()


@dataclass(frozen=True)
class RecipeFile:
    """The training settings in a package's ``recipe.toml``."""

    package: str

    def __call__(self) -> "Recipe":
        """The settings."""
        from defocus.baselines.recipes.recipe import Recipe
        from defocus.settings import load_settings

        with as_file(files(self.package) / "recipe.toml") as path:
            return load_settings(Recipe, path)
