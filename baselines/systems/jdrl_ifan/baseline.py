"""The cards of IFAN trained with JDRL, and of its controls."""

from defocus.baselines.systems.ifan.baseline import IFAN
from defocus.baselines.wrapping import with_jdrl

__all__ = ["BASELINES"]

BASELINES = with_jdrl(IFAN, "IFAN + JDRL", published_as="jdrl-ifan", weights_trained_on=("dpdd",))
