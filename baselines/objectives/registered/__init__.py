"""Training on misaligned pairs that are registered beforehand."""

from defocus.baselines.objectives.registered.objective import RegisteredObjective, make, recipe_of

__all__ = ["RegisteredObjective", "make", "recipe_of"]
