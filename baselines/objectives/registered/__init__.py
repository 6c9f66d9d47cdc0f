"""Training on misaligned pairs that are registered beforehand and refined on the output."""

from defocus.baselines.objectives.registered.objective import RegisteredObjective, make

__all__ = ["RegisteredObjective", "make"]
