"""IFAN trained with the JDRL objective."""

from defocus.baselines.systems.ifan import IFAN
from defocus.baselines.wrapping import with_jdrl

BASELINES = with_jdrl(
    IFAN,
    "IFAN + JDRL",
    published_as="jdrl-ifan",
    weights_trained_on=("dpdd",),
)
