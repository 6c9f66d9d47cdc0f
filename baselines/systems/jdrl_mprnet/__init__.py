"""MPRNet trained with the JDRL objective."""

from defocus.baselines.systems.mprnet import MPRNET
from defocus.baselines.wrapping import with_jdrl

BASELINES = with_jdrl(
    MPRNET,
    "MPRNet + JDRL",
    published_as="jdrl-mprnet",
    weights_trained_on=("sdd", "dpdd"),
)
