"""Uncertainty of a mean score: a bootstrap over scenes."""

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["MINIMUM_SCENES", "scene_interval"]

MINIMUM_SCENES = 10
"""With fewer scenes no interval is given: it would promise more than the data hold."""


def scene_interval(
    values_by_scene: Mapping[str, Sequence[float]],
    confidence: float = 0.95,
    *,
    resamples: int = 4000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Confidence interval of the mean over all pictures, by drawing scenes with replacement.

    Pictures of one scene are alike, so scenes are drawn and never pictures. The percentiles are
    those of the expanded percentile interval, which makes up for the bootstrap's narrowness at
    few scenes.

    Args:
        values_by_scene: Scores of each scene's pictures, at least one each, finite.
        confidence: Between 0 and 1.
        resamples: How many samples are drawn.
        seed: Of the draws; the same seed gives the same interval.

    Returns:
        Lower and upper end, or None below :data:`MINIMUM_SCENES` scenes.

    Source: Hesterberg, What Teachers Should Know About the Bootstrap, 2015, section 5.3.
    """
    from scipy import stats

    scenes = len(values_by_scene)
    if scenes < MINIMUM_SCENES:
        return None
    ordered = [values_by_scene[name] for name in sorted(values_by_scene)]
    sums = np.array([float(np.sum(values)) for values in ordered])
    counts = np.array([len(values) for values in ordered])
    drawn = np.random.default_rng(seed).integers(0, scenes, size=(resamples, scenes))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    quantile = stats.t.ppf((1 - confidence) / 2, scenes - 1)
    tail = float(stats.norm.cdf(np.sqrt(scenes / (scenes - 1)) * quantile))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
