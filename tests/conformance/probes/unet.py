"""Probe of the U-Net against the official network."""

from defocus.baselines.systems.unet.network import UNet
from tests.conformance.probe import network_probe

__all__ = ["PROBES"]

PROBES = {"jdrl_unet": network_probe(UNet)}
