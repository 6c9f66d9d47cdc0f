"""Training on misaligned pairs that are registered beforehand."""

from defocus.baselines.objectives.registered.objective import RegisteredObjective, make

__all__ = ["RECIPE", "RegisteredObjective", "make"]

RECIPE = {"target": "registered"}
"""The pairs that it needs."""
