"""A stored score."""

from dataclasses import dataclass

__all__ = ["Score"]


@dataclass(frozen=True)
class Score:
    """The score of one picture.

    Attributes:
        profile, protocol, metric: Which score it is.
        pair, scene: Pair and scene of the picture.
        value: The value; None if it cannot be computed.
        flow: Flow estimator of the target; empty if there is none.
        reason: Why there is no value, else empty.
        flow_weights: SHA-256 hash of that estimator's weights; empty if it has none.
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
