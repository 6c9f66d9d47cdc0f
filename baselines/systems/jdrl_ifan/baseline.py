"""The cards of IFAN trained with JDRL, and of its controls."""

from defocus.baselines.jdrl_card import with_jdrl
from defocus.baselines.systems.ifan.baseline import BASELINES as OWN

__all__ = ["BASELINES"]

NETWORK = next(one for one in OWN if one.card.name == "ifan")
BASELINES = with_jdrl(
    NETWORK, "IFAN + JDRL", published_as="jdrl-ifan", weights_trained_on=("dpdd",)
)
