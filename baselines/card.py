"""Card of a system (its description) and baseline (what the benchmark runs).

A declared system names its network and its recipe's folder; both are resolved when called, so that
listing systems does not import torch.
"""

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Literal

from defocus.errors import RegistryError
from defocus.near_names import with_hint
from defocus.plugins.extensions import wrapping

# importing torch takes a second, and a list of cards does not need it
if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe


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
        make: Callable[..., nn.Module] | None = getattr(
            importlib.import_module(module),
            name,
            None,
        )
        if make is None:
            raise RegistryError(
                f"network {self.where!r}: {module} has no {name!r}; correct it"
            )
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
        from defocus.baselines.recipe import Recipe
        from defocus.settings import load_settings

        with as_file(files(self.package) / "recipe.toml") as path:
            return load_settings(Recipe, path)


def package_of(module: str) -> str:
    """The package of a module; for a package, the package itself."""
    return (
        module
        if hasattr(sys.modules.get(module), "__path__")
        else module.rpartition(".")[0]
    )


UNKNOWN = "unknown"
"""Name of the dataset where no source says what official weights were trained on."""

REACH_PX = 24.0
"""Circle of confusion, px, up to which a network restores. Ours gain 4 dB at 24 px and nothing at
48; no source names the limit of other networks, which all learn from photographs of a similar
size."""


@dataclass(frozen=True)
class Card:
    """Facts about a system, shown by ``defocus-bench list`` and beside its results.

    Attributes:
        name: Lower-case words joined by ``-``, unique.
        display_name: Name as written in text.
        kind: ``reference`` (nothing is restored), ``classical``, ``network``, ``objective``
            (a network trained with a special objective), ``generative``.
        input: ``single`` ``(N, 3, H, W)`` or ``dual`` ``(N, 6, H, W)``: left view, right view.
        status: ``reference``, ``official`` (equals public code), ``paper`` (follows the paper where
            the code differs), ``reconstruction`` (from an abstract only), ``own`` (designed and
            trained here, without a paper).
        source: Paper and official code, one line.
        follows: What our code follows and where it differs, one or two sentences.
        licence: Licences of official code and weights, one line.
        needs: Further inputs besides the picture: ``dual_pixel``, ``defocus_map``.
        variant_of: Name of the system of which this is a configuration.
        weights_trained_on: Datasets behind the official weights, as stated by their authors, or
            :data:`UNKNOWN`; empty if there are no such weights.
        weights_files: Names without suffix of the files of the official weights where there is one
            for each module; empty for a single file.
        published_as: Id in the published numbers, None if no table has it.
        revision: Raise it when the system's numbers change on purpose; trainings and restored
            pictures of other revisions are then repeated.
        reach_px: Circle of confusion up to which the network restores, px, above 0. What is blurred
            more is restored at 1/2, 1/4 or 1/8 of the size, where pictures are restored at scales.
        at_scales: Whether its results are of pictures restored at scales, as ``defocus-restore``
            does, and not by the network alone. Such a system takes a single picture.

    Raises:
        ValueError: ``reach_px`` is not above 0, or ``at_scales`` is for a system that takes more
            than a single picture.

    Examples:
        >>> from defocus.baselines.card import Card
        >>> card = Card("my-net", "My net", needs=("defocus_map",), reach_px=12.0)
        >>> card.given
        'single, defocus_map'
    """

    name: str
    display_name: str
    kind: Literal["reference", "classical", "network", "objective", "generative"] = (
        "network"
    )
    input: Literal["single", "dual"] = "single"
    status: Literal["reference", "official", "paper", "reconstruction", "own"] = (
        "official"
    )
    source: str = "a network of one's own"
    follows: str = "the file or package that defines it"
    licence: str = "its author's"
    needs: tuple[str, ...] = ()
    variant_of: str | None = None
    published_as: str | None = None
    weights_trained_on: tuple[str, ...] = ()
    weights_files: tuple[str, ...] = ()
    revision: int = 1
    reach_px: float = REACH_PX
    at_scales: bool = False

    def __post_init__(self) -> None:
        if not self.reach_px > 0:
            raise ValueError(
                f"reach_px={self.reach_px} of {self.name!r} is not above 0 px"
            )
        if self.at_scales and self.given != "single":
            raise ValueError(
                f"at_scales of {self.name!r}: it takes {self.given}, and only a single picture is "
                "restored at scales"
            )

    @property
    def given(self) -> str:
        """All inputs of the system, such as ``single, defocus_map``.

        Only results with equal inputs are compared."""
        return ", ".join((self.input, *self.needs))


@dataclass(frozen=True)
class Narrow:
    """The narrow copy of a network, for ``demo``: a whole one learns nothing in seconds."""

    # Layers in ``zeroed`` start at zero, so that an untrained copy gives its input.
    # ``own_objective`` is for what has no gradient; others learn by one loss, so that their rows
    # compare. Where a network has ``adds_input``, it gives the change to its picture, which is in
    # no paper.

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    zeroed: tuple[str, ...] = ()
    own_objective: bool = False


@dataclass(frozen=True)
class Baseline:
    """A system: its card, how to build it, how to train it.

    Attributes:
        card: The facts.
        build: Makes the module: blurry ``(N, 3, H, W)`` float32 RGB in [0, 1], any H, W >= 16, to
            restored of the same shape; padding, value ranges and colour order are handled inside.
            Names and shapes of its state dict equal the official ones.
        recipe: Makes the training settings; None if there is nothing to train.
        source_hash: SHA-256 hash of what it needs of its plug-in, set when that is loaded; empty
            for systems of installed packages. Results of other sources are other results.
        revision: Decides instead of the hash, where the author of a plug-in gives and raises it;
            None to go by the sources.
        narrow: Its narrow copy; None for systems that are not trained, and for plug-ins.
        is_narrow: Whether this is the narrow copy itself.
        trained_as: Card of the system whose training and weights it has, for ``NAME@scales`` that
            of ``NAME``; None for those of its own.

    Examples:
        >>> import torch
        >>> import defocus
        >>> system = defocus.Baseline.of_network("nothing", torch.nn.Identity)
        >>> system.build()(torch.full((1, 3, 16, 24), 0.5)).shape
        torch.Size([1, 3, 16, 24])
        >>> system.recipe().objective
        'supervised'
    """

    card: Card
    build: "Callable[[], nn.Module]"
    recipe: "Callable[[], Recipe] | None" = None
    source_hash: str = ""
    narrow: Narrow | None = None
    is_narrow: bool = False
    revision: int | None = None
    trained_as: Card | None = None

    @property
    def plain(self) -> "Baseline":
        """The system that has the weights: ``NAME`` for ``NAME@scales``, otherwise this one."""
        if self.trained_as is None:
            return self
        return replace(self, card=self.trained_as, trained_as=None)

    def narrowed(self) -> "Baseline":
        """The narrow copy; the system itself if it has none or is one."""
        if self.is_narrow or self.narrow is None or not isinstance(self.build, Network):
            return self
        build = replace(
            self.build.given(self.narrow.settings),
            zeroed=self.narrow.zeroed,
        )
        keeps = self.card.kind == "objective" or self.narrow.own_objective
        recipe = self.recipe and partial(
            _narrow_recipe,
            self.recipe,
            keeps_objective=keeps,
        )
        return replace(self, build=build, recipe=recipe, is_narrow=True)

    def identity(self) -> dict[str, str | int]:
        """Identity of the system, different from others and earlier revisions, as JSON values."""
        revision = self.card.revision if self.revision is None else self.revision
        facts: dict[str, str | int] = {"system": self.card.name, "revision": revision}
        if self.is_narrow and self.narrow is not None:
            facts["narrow"] = json.dumps(
                [self.narrow.settings, self.narrow.zeroed],
                sort_keys=True,
            )
        hashed = self.source_hash and self.revision is None
        return facts | ({"source_hash": self.source_hash} if hashed else {})

    @classmethod
    def of_folder(
        cls,
        module: str,
        network: str,
        card: Card,
        narrow: Mapping[str, object] | None = None,
        zeroed: tuple[str, ...] = (),
        *,
        own_objective: bool = False,
        **settings: Any,  # noqa: ANN401 - whatever the network takes
    ) -> "Baseline":
        """Make a system from its folder: ``__init__.py``, the network's module, ``recipe.toml``.

        Args:
            module: ``__name__`` of the folder's ``__init__.py``, or of another module in it.
            network: ``module:name`` of a class or function in the same folder.
            card: The card. Classical systems and references have no recipe; all others have one.
            narrow: Keyword arguments of the narrow copy; see :class:`Narrow`.
            zeroed: Layers of the narrow copy that start at zero.
            own_objective: Whether the narrow copy learns by the system's own objective.
            settings: Keyword arguments of the class or function.

        Returns:
            The system. Its network and its recipe are looked for when ``build`` and ``recipe`` are
            called.

        Raises:
            ModuleNotFoundError: ``build`` is called, and the folder has no such module.
            RegistryError: ``build`` is called, and the module has no such class or function.
            SettingsError: ``recipe`` is called, and ``recipe.toml`` is missing or wrong.

        Examples:
            >>> from defocus.baselines.card import Baseline, Card
            >>> folder = "defocus.baselines.systems.unet"
            >>> system = Baseline.of_folder(folder, "network:UNet", Card("mine", "My U-Net"))
            >>> system.identity()
            {'system': 'mine', 'revision': 1}
            >>> system.recipe().objective
            'supervised'
        """
        package = package_of(module)
        trained = card.kind not in {"reference", "classical"}
        build = Network(f"{package}.{network}", settings)
        copy = (
            None if narrow is None else Narrow(card.name, narrow, zeroed, own_objective)
        )
        return cls(card, build, RecipeFile(package) if trained else None, narrow=copy)

    def variant(
        self,
        name: str,
        display_name: str,
        *,
        network: Mapping[str, object] | None = None,
        recipe: "Callable[[Recipe], Recipe] | None" = None,
        **facts: Any,  # noqa: ANN401 - whatever a card has
    ) -> "Baseline":
        """Make a configuration of this system, which must come from :meth:`of_folder`.

        Args:
            name: Lower-case words joined by ``-``, unique.
            display_name: Name as written in text.
            network: Further keyword arguments of the network.
            recipe: Changes the training settings.
            facts: Fields of the card that differ; the variant has no published numbers unless
                ``published_as`` is given.

        Raises:
            TypeError: A field does not exist, or the system has no declared network or recipe to
                change.

        Examples:
            >>> from defocus.baselines.registry import baseline
            >>> wide = baseline("nafnet").variant("wide", "Wide NAFNet", network={"width": 64})
            >>> wide.card.variant_of, wide.build.settings["width"]
            ('nafnet', 64)
        """
        beside: dict[str, Any] = {
            "variant_of": self.card.name,
            "published_as": None,
            **facts,
        }
        card = replace(self.card, name=name, display_name=display_name, **beside)
        return replace(self, card=card).changed(network, recipe)

    def changed(
        self,
        network: Mapping[str, object] | None = None,
        recipe: "Callable[[Recipe], Recipe] | None" = None,
    ) -> "Baseline":
        """The same system with another network or training; see :meth:`variant`."""
        build = self.build
        train = self.recipe
        narrow = self.narrow
        if network is not None:
            if not isinstance(build, Network):
                raise TypeError(f"{self.card.name} has no declared network to change")
            build = build.given(network)
            narrow = narrow and replace(narrow, name=self.card.name)
        if recipe is not None:
            if train is None:
                raise TypeError(f"{self.card.name} has no training to change")
            train = partial(_changed, train, recipe)
        return replace(self, build=build, recipe=train, narrow=narrow)

    @classmethod
    def of_network(
        cls,
        name: str,
        network: "Callable[[], nn.Module]",
        recipe: "Callable[[], Recipe] | None" = None,
        *,
        multiple: int = 1,
        least: int = 1,
        revision: int | None = None,
        **facts: Any,  # noqa: ANN401 - whatever a card has
    ) -> "Baseline":
        """Make a user's system from a name and a network.

        Args:
            name: Lower-case words joined by ``-``, unique.
            network: A class without arguments, or a function that makes the module; see ``build``.
            recipe: Makes the training settings; None for
                :func:`~defocus.baselines.recipe.plain_recipe`.
            multiple: The network takes pictures whose sides are multiples of this, px. Others are
                reflected at the right and below, and the result is cropped.
            least: The network takes pictures whose sides are at least this, px; smaller ones are
                reflected in the same way.
            revision: Give and raise it to say yourself when the system is to be trained again; None
                to train again when its sources change.
            facts: Further fields of the card, such as ``display_name``, ``needs`` or ``reach_px``.

        Raises:
            TypeError: A field does not exist.
            ValueError: The multiple or least is less than 1, or ``reach_px`` is not above 0.

        Examples:
            >>> import torch
            >>> import defocus
            >>> system = defocus.Baseline.of_network("halves", torch.nn.Identity, multiple=8)
            >>> system.build()(torch.zeros(1, 3, 17, 30)).shape
            torch.Size([1, 3, 17, 30])
        """
        if multiple < 1 or least < 1:
            raise ValueError(
                f"multiple={multiple} or least={least} of {name!r} is less than 1"
            )
        card = with_hint(Card)(name, **{"display_name": name, **facts})
        network = wrapping(network, partial(_of_user, network, multiple, least))
        return cls(card, network, recipe or _plain_recipe, revision=revision)


def _of_user(
    make: "Callable[..., nn.Module]",
    multiple: int,
    least: int,
    **options: Any,  # noqa: ANN401 - of the network
) -> "nn.Module":
    from defocus.baselines.layers.own_input import with_own_input
    from defocus.baselines.layers.padding import padding_network

    network = with_own_input(make(**options))
    return (
        padding_network(network, multiple, least)
        if max(multiple, least) > 1
        else network
    )


def _narrow_recipe(own: "Callable[[], Recipe]", *, keeps_objective: bool) -> "Recipe":
    from defocus.baselines.recipe import narrow_recipe

    return narrow_recipe(own, keeps_objective=keeps_objective)


def _changed(
    make: "Callable[[], Recipe]",
    change: "Callable[[Recipe], Recipe]",
) -> "Recipe":
    return change(make())


def settings(**changes: Any) -> "Callable[[Recipe], Recipe]":  # noqa: ANN401 - a recipe's fields
    """A change of training settings; of a schedule such as ``paper``, a table of its fields."""
    return partial(_with_settings, changes)


def _with_settings(changes: Mapping[str, Any], recipe: "Recipe") -> "Recipe":
    schedules = {"paper", "quick", "demo"} & changes.keys()
    parts = {
        name: getattr(recipe, name).model_copy(update=changes[name])
        for name in schedules
    }
    return recipe.model_copy(update={**changes, **parts})


def _plain_recipe() -> "Recipe":
    from defocus.baselines.recipe import plain_recipe

    return plain_recipe()
