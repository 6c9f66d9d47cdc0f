"""IFAN's training: deblurring, disparity between dual-pixel views, and reblurring."""

from defocus.baselines.objectives.ifan.objective import IFANObjective, make

__all__ = ["IFANObjective", "make"]
