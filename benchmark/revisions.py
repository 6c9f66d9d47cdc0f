"""Manual revision numbers, raised when results change on purpose.

They, not the source code, identify a result. If one changes, raise the narrowest that covers it."""

TRAINING_REVISION = 1
"""Revision of the training loop, crops, objectives, losses and optical flow: raising it repeats
every training. Where one system's numbers change, raise its ``Card.revision`` instead."""

SCALES_REVISION = 2
"""Revision of restoring at scales: how the map of blur chooses them and how they are mixed. Raising
it restores and scores again what is evaluated at scales, without training."""

SCORING_REVISION = 15
"""Revision of what all scores rest on: profiles, protocols and their targets, the registration of
pairs, the parts of pictures, the ceiling. Raising it computes every score again. Where one metric's
numbers change, raise its ``Metric.revision`` instead."""
