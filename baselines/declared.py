"""Parts of a system that is declared: its network by text, its recipe by its folder.

Both are looked up when they are called, so that a list of systems imports no torch.
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
    """A network by the name of what makes it.

    Attributes:
        where: ``package.module:name`` of a class or a function.
        settings: Its keyword arguments.
    """

    where: str
    settings: Mapping[str, object] = field(default_factory=dict)

    def __call__(self) -> "nn.Module":
        """A network with fresh weights.

        Raises:
            RegistryError: The module has nothing of that name.
        """
        return self.maker()(**self.settings)

    def maker(self) -> "Callable[..., nn.Module]":
        """The class or function itself.

        Raises:
            RegistryError: The module has nothing of that name.
        """
        module, _, name = self.where.partition(":")
        make: Callable[..., nn.Module] | None = getattr(importlib.import_module(module), name, None)
        if make is None:
            raise RegistryError(f"network {self.where!r}: {module} has no {name!r}; correct it")
        return make

    @property
    def package(self) -> str:
        """Import name of the package that the module stands in."""
        return self.where.partition(":")[0].rpartition(".")[0]

    def given(self, settings: Mapping[str, object]) -> "Network":
        """The same with further keyword arguments."""
        return replace(self, settings={**self.settings, **settings})


@dataclass(frozen=True)
class RecipeFile:
    """The training settings in a package's ``recipe.toml``.

    Attributes:
        package: Its import name.
    """

    package: str

    def __call__(self) -> "Recipe":
        """The settings.

        Raises:
            SettingsError: The file is missing, or it has an unknown key or a wrong value.
        """
        from defocus.baselines.recipes.recipe import Recipe
        from defocus.settings import load_settings

        with as_file(files(self.package) / "recipe.toml") as path:
            return load_settings(Recipe, path)
