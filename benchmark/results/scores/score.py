"""A stored score."""

from dataclasses import dataclass

__all__ = ["Score"]


@dataclass(frozen=True)
class Score:
    """The score of one picture; a missing value has a reason, and a target's flow its estimator."""

    profile: str
    protocol: str
    metric: str
    pair: str
    scene: str
    value: float | None
    flow: str = ""
    reason: str = ""
    flow_weights: str = ""
