"""Flow estimators by name; each of them, and torch, is imported only on request."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.errors import InputError
from defocus.near_names import meant

if TYPE_CHECKING:
    from defocus.align.flow.estimator import FlowEstimator

ESTIMATORS = ("dis", "pwcnet")
"""Names that :func:`flow_estimator` accepts."""

DEFAULT_ESTIMATOR = "dis"
"""Estimator that is used if none is named. On the truth set's choosing split it is as good as
PWC-Net to 0.01 px once the blur is equalised, in a third of the time."""


def flow_estimator(
    name: str = DEFAULT_ESTIMATOR,
    weights: Path | None = None,
    *,
    equalise: bool = False,
) -> "FlowEstimator":
    """Make the estimator of :data:`ESTIMATORS`; ``equalise`` is for unregistered pairs."""
    plain = _plain_estimator(name, weights)
    if not equalise:
        return plain
    from defocus.align.flow.dense import EqualisedFlow

    return EqualisedFlow(plain)


@dataclass(frozen=True)
class NamedFlow:
    """A flow estimator that is made where it is called, in another process too."""

    name: str = DEFAULT_ESTIMATOR
    weights: Path | None = None

    def __call__(self) -> "FlowEstimator":
        """The estimator, made now."""
        return flow_estimator(self.name, self.weights)


def require_estimator(name: str) -> None:
    """Refuse a name that no estimator has."""
    if name not in ESTIMATORS:
        raise InputError(
            f"no flow estimator is called {name!r}; {meant(name, ESTIMATORS)}"
        )


def _plain_estimator(name: str, weights: Path | None) -> "FlowEstimator":
    require_estimator(name)
    if name == "dis":
        if weights is not None:
            raise InputError(
                f"the estimator dis takes no weights; drop --flow-weights {weights}"
            )
        from defocus.align.flow.estimator import DISFlow

        return DISFlow()
    from defocus.align.flow.pwcnet.estimator import load_estimator

    return load_estimator(weights)
