"""Reblurring-guided JDRL: JDRL whose reblurring network supervises a blur estimator."""

from defocus.baselines.objectives.rjdrl.objective import RJDRLObjective, make

__all__ = ["RJDRLObjective", "make"]
