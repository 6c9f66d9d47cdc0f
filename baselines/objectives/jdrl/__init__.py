"""JDRL: training on misaligned pairs by flow deformation and isotropic reblurring."""

from defocus.baselines.objectives.jdrl.objective import make

__all__ = ["make"]
