"""NAFNet trained with the JDRL objective."""

from defocus.baselines.systems.nafnet import NAFNET
from defocus.baselines.wrapping import with_jdrl

BASELINES = with_jdrl(NAFNET, "NAFNet + JDRL")
