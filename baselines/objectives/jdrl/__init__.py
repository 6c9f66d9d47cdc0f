"""JDRL: training on misaligned pairs by flow deformation and isotropic reblurring."""

from defocus.baselines.objectives.jdrl.objective import flow_name, make, recipe_of

__all__ = ["flow_name", "make", "recipe_of"]
