"""Probes of CycleGAN's two networks against rebuilds of the official ones."""

from defocus.extras.adversarial.baselines.cyclegan.critic import Critic
from defocus.extras.adversarial.baselines.cyclegan.network import Generator
from tests.conformance.probe import Arrays, Given, network_probe


def _judged(critic: Critic, given: Given) -> Arrays:
    """The official critic takes [-1, 1]; what it gives is no picture."""
    (picture,) = given.inputs.values()
    return {"output": critic((picture + 1) / 2)}


PROBES = {
    "cyclegan_generator": network_probe(Generator, signed=True),
    "cyclegan_discriminator": network_probe(Critic, _judged),
}
