"""The cards of NAFNet trained with JDRL, and of its controls."""

from defocus.baselines.jdrl_card import with_jdrl
from defocus.baselines.systems.nafnet.baseline import NAFNET

__all__ = ["BASELINES"]

BASELINES = with_jdrl(NAFNET, "NAFNet + JDRL")
