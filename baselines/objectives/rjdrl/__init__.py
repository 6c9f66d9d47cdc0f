"""Reblurring-guided JDRL: JDRL whose reblurring network teaches a blur estimator."""

from defocus.baselines.objectives.rjdrl.objective import RJDRLObjective, make

__all__ = ["RJDRLObjective", "make"]
