"""Probe of the U-Net against the official network."""

from defocus.baselines.systems.unet.network import UNet
from defocus.conformance import Probe, network_inputs, single_output

__all__ = ["PROBES"]


PROBES = {"jdrl_unet": Probe(run=single_output, build=UNet, inputs=network_inputs)}
