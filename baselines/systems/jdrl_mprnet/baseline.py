"""The cards of MPRNet trained with JDRL, and of its controls."""

from defocus.baselines.jdrl_card import with_jdrl
from defocus.baselines.systems.mprnet.baseline import BASELINES as OWN

__all__ = ["BASELINES"]

NETWORK = next(one for one in OWN if one.card.name == "mprnet")
BASELINES = with_jdrl(
    NETWORK, "MPRNet + JDRL", published_as="jdrl-mprnet", weights_trained_on=("sdd", "dpdd")
)
