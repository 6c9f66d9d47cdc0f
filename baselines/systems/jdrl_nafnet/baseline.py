"""The cards of NAFNet trained with JDRL, and of its controls."""

from defocus.baselines.jdrl_card import with_jdrl
from defocus.baselines.systems.nafnet.baseline import BASELINES as OWN

__all__ = ["BASELINES"]

NETWORK = next(one for one in OWN if one.card.name == "nafnet")
BASELINES = with_jdrl(NETWORK, "NAFNet + JDRL")
