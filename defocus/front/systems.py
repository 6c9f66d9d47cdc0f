"""List systems and load them ready to restore."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from defocus.baselines.card import REACH_PX, Baseline, Network
from defocus.errors import FAULTS, InputError

if TYPE_CHECKING:
    from torch import nn

_REACHES: "WeakKeyDictionary[nn.Module, float]" = WeakKeyDictionary()
"""Reach that the card of each loaded network names, px."""


def list_systems(pattern: str | None = None) -> list[str]:
    """Names of the systems, sorted.

    Args:
        pattern: Shell pattern for whole names, such as ``"jdrl*"``; None for all.

    Raises:
        InputError: ``pattern`` is not a text.
        RegistryError: No name matches; the message suggests similar ones.

    Examples:
        >>> import defocus
        >>> defocus.list_systems("wien*")
        ['wiener']
    """
    from defocus.baselines.registry import all_baselines
    from defocus.benchmark.study.plan import select

    if not isinstance(pattern, str | None):
        raise InputError(
            f"the pattern is of type {type(pattern).__name__}; give a text or None"
        )
    patterns = () if pattern is None else (pattern,)
    chosen = select(all_baselines(), patterns, variants=True)
    return [system.card.name for system in chosen]


def load(
    name: str | Path, weights: str | Path | None = None, **options: object
) -> "nn.Module":
    """Load a system that is ready to restore, in evaluation mode on the CPU.

    It takes blurry ``(N, 3, H, W)`` float32 RGB in [0, 1], any H, W >= 16, and returns the restored
    pictures in the same shape, not clamped; systems for dual-pixel views take ``(N, 6, H, W)``.
    Unusable input (integers, values outside [0, 1]) raises :class:`~defocus.errors.ImageError`.

    Args:
        name: A name from :func:`list_systems`, or a folder that ``defocus-bench export-weights
            --to hub`` wrote, which has its weights with it.
        weights: Label of ``defocus-bench weights list``, path of a file (official, or a
            ``checkpoint.safetensors`` of a study), or ``"own"`` for those that come with the
            package. None gives a network random weights, as at the start of a training.
        options: Options of the system's network, such as ``width=64`` of ``nafnet``.

    Raises:
        RegistryError: The system is unknown; the message suggests similar names.
        InputError: The system does not have the option, cannot be built with its value, or has no
            weights with that label.
        WeightsError: The weights are missing, damaged or made for another network.

    Examples:
        >>> import torch
        >>> import defocus
        >>> network = defocus.load("wiener")
        >>> network(torch.full((1, 3, 32, 48), 0.5)).shape
        torch.Size([1, 3, 32, 48])
    """
    from defocus.baselines.weights.store import build_with, find_weights

    if isinstance(name, Path) or _is_folder(name):
        name, weights = _exported(Path(name), weights)
    system = _with_options(named_system(name), options)
    stored = None if weights is None else find_weights(system, str(weights))
    network = _guarded(
        build_with(system, stored),
        6 if system.card.input == "dual" else 3,
    )
    _REACHES[network] = system.card.reach_px
    return network


def reach_of(network: "nn.Module") -> float:
    """The largest circle of confusion that a network knows, px; that of its card if it has one."""
    return _REACHES.get(network, REACH_PX)


def named_system(name: str) -> Baseline:
    """The system with that name."""
    from defocus.baselines.registry import plain_baseline

    if not isinstance(name, str):
        raise InputError(
            f"the system is of type {type(name).__name__}; give a name of list_systems()"
        )
    return plain_baseline(name)


def _is_folder(name: object) -> bool:
    """Whether a text is the path of a folder, and no system's name."""
    from defocus.baselines.registry import known_baselines

    if not isinstance(name, str) or not name or known_baselines([name]):
        return False
    return Path(name).is_dir()


def _exported(folder: Path, weights: str | Path | None) -> tuple[str, Path]:
    """Name of the system and weights file of an exported folder."""
    from defocus.baselines.weights.files import WEIGHTS, read_hub_config

    if weights is not None:
        raise InputError(
            f"{folder} has its weights with it; give weights with a system's name"
        )
    return read_hub_config(folder).system, folder / WEIGHTS


def _with_options(system: Baseline, options: dict[str, Any]) -> Baseline:
    """Build the system with keyword arguments of its network, or of its ``build``."""
    if not options:
        return system
    build = inspect.unwrap(system.build)
    signature = inspect.signature(
        build.maker() if isinstance(build, Network) else build
    )
    try:
        signature.bind(**options)
    except TypeError as error:
        names = ", ".join(signature.parameters) or "none"
        raise InputError(
            f"{system.card.name}: {error}; its options are: {names}"
        ) from error
    if isinstance(system.build, Network):
        build_so: Callable[[], nn.Module] = system.build.given(options)
    else:
        build_so = partial(system.build, **options)
    return replace(
        system,
        build=partial(_optioned, system.card.name, build_so, options),
    )


def _optioned(
    name: str,
    build: "Callable[[], nn.Module]",
    options: dict[str, Any],
) -> "nn.Module":
    try:
        return build()
    except FAULTS as error:
        words = ", ".join(f"{option}={value!r}" for option, value in options.items())
        raise InputError(f"{name} cannot be built with {words}: {error}") from error


def _guarded(network: "nn.Module", channels: int) -> "nn.Module":
    """Wrap the network with a check of its input."""
    from defocus.front.pictures import require_network_input

    def look(_: "nn.Module", given: tuple[Any, ...]) -> None:
        if given:  # a picture given by keyword is the network's own business
            require_network_input(given[0], channels)

    network.register_forward_pre_hook(look)
    return network
