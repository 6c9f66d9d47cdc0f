"""A stored score."""

from dataclasses import dataclass

__all__ = ["Score"]


@dataclass(frozen=True)
class Score:
    """The score of one picture.

    Attributes:
        profile, protocol, metric: What was computed.
        pair, scene: Pair and scene of the picture.
        value: None where it cannot be computed.
        flow: Estimator behind the target, empty for none.
        reason: Why there is no value, else empty.
        flow_weights: SHA-256 of that estimator's weights, empty where it has none.
    """

    profile: str
    protocol: str
    metric: str
    pair: str
    scene: str
    value: float | None
    flow: str = ""
    reason: str = ""
    flow_weights: str = ""
