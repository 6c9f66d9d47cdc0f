"""The cards of NAFNet trained with JDRL, and of its controls."""

from defocus.baselines.systems.nafnet.baseline import NAFNET
from defocus.baselines.wrapping import with_jdrl

__all__ = ["BASELINES"]

BASELINES = with_jdrl(NAFNET, "NAFNet + JDRL")
