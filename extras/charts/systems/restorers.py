"""Systems by name, as functions from a picture to the restored one."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import REACH_PX
from defocus.baselines.registry import plain_baseline
from defocus.baselines.weights.own import weights_or_own
from defocus.baselines.weights.store import build_with
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import (
    Restorer,
    make_restorer,
    require_restoring,
    restoring_weights,
)
from defocus.training.devices import best_device

Floats = NDArray[np.float32]
Restore = Callable[[Floats], Floats]
"""Function from ``(H, W, 3)`` stored values in [0, 1] to the restored ones."""


@dataclass(frozen=True)
class SystemRestorer:
    """A system that is called with a picture."""

    restore: Restore
    network: nn.Module | None = None  # None for the blurry picture itself
    weights: str = (
        ""  # ``own`` (shipped), ``narrow`` or ``trained``; empty for none, or unknown
    )

    def __call__(self, picture: Floats) -> Floats:
        """``(H, W, 3)`` restored values."""
        return self.restore(picture)

    def fingerprint(self) -> str:
        """SHA-256 of its structure and weights."""
        digest = hashlib.sha256(repr(self.network).encode())
        for name, values in (
            {} if self.network is None else self.network.state_dict()
        ).items():
            digest.update(
                name.encode() + values.detach().cpu().contiguous().numpy().tobytes()
            )
        return digest.hexdigest()


def restorers(names: Sequence[str]) -> dict[str, SystemRestorer]:
    """The blurry picture itself, as ``input``, and the named systems, which take one picture."""
    by_name = {"input": SystemRestorer(_unchanged)}
    for name in names:
        system = plain_baseline(name.strip())
        weights = restoring_weights(system, None)
        require_restoring(system, weights)
        network = build_with(system, weights)
        origin = "" if weights is None else weights.origin
        by_name[name.strip()] = restoring(network, origin, system.card.reach_px)
    return by_name


def without_weights(names: Sequence[str]) -> list[str]:
    """Systems that need weights the package does not have."""
    systems = [plain_baseline(name.strip()) for name in names]
    trained = [one for one in systems if one.recipe is not None]
    return [one.card.name for one in trained if weights_or_own(one, None) is None]


def restoring(
    network: nn.Module,
    weights: str = "",
    reach_px: float = REACH_PX,
) -> SystemRestorer:
    """A network as a function of a picture of any size, without the guard."""
    return SystemRestorer(_NetworkRestore(network, reach_px), network, weights)


def _unchanged(picture: Floats) -> Floats:
    return picture


class _NetworkRestore:
    """Restores by a network; another process measures its own free memory, once."""

    def __init__(self, network: nn.Module, reach_px: float) -> None:
        self._made_of = network, reach_px

    @cached_property
    def _restorer(self) -> Restorer:
        network, reach_px = self._made_of
        return make_restorer(network, None, best_device(), reach_px)

    def __call__(self, picture: Floats) -> Floats:
        restoration = restore_colours(self._restorer, picture, guard=False)
        return np.asarray(restoration.at(1.0), np.float32)

    def __reduce__(self) -> tuple[type["_NetworkRestore"], tuple[nn.Module, float]]:
        return _NetworkRestore, self._made_of
