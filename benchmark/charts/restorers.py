"""Systems by name, as functions from a picture to the restored one."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.registry import baseline
from defocus.baselines.weights.own import weights_or_own
from defocus.benchmark.restore.restoration import restore_colours
from defocus.benchmark.restore.restorer import Restorer, make_restorer, require_restoring
from defocus.benchmark.training.train import best_device
from defocus.benchmark.weights.store import build_with, find_weights

__all__ = ["restorers"]

Floats = NDArray[np.float32]


def restorers(names: Sequence[str]) -> dict[str, Callable[[Floats], Floats]]:
    """The blurry picture itself, as ``input``, and the systems.

    Args:
        names: Systems that take a single picture.

    Raises:
        RegistryError: A system is unknown.
        InputError: A system needs weights and the package has none.
        NotApplicableError: A system needs more than a single picture.
    """
    made: dict[str, Callable[[Floats], Floats]] = {"input": lambda picture: picture}
    for name in names:
        system = baseline(name.strip())
        label = weights_or_own(system, None)
        stored = None if label is None else find_weights(system, label)
        require_restoring(system, stored)
        network = system.build().eval() if stored is None else build_with(system, stored)
        made[name.strip()] = _function(make_restorer(network, None, best_device()))
    return made


def _function(restorer: Restorer) -> Callable[[Floats], Floats]:
    """What the system does to a picture, without the guard that puts parts back."""

    def restore(picture: Floats) -> Floats:
        return np.asarray(restore_colours(restorer, picture, guard=False).at(1.0), np.float32)

    return restore
