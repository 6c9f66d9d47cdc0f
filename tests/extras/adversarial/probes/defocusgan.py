"""Probes of DefocusGAN's generator against the official one, with and without its masks."""

from defocus.extras.adversarial.baselines.defocusgan.network import Generator
from tests.conformance.probe import Arrays, Given, network_probe


def _run(generator: Generator, given: Given) -> Arrays:
    """With a second input, the official network is as freshly built: at its first iteration.

    The official network takes BGR as it comes and radii instead of diameters."""
    picture, *radius = given.inputs.values()
    diameter = 2 * radius[0] if radius else None
    outputs = generator.outputs(picture.flip(1), defocus_map=diameter, iteration=1)
    logits = outputs["logits"]
    top, left = (max(side // 2 - 32, 0) for side in logits.shape[-2:])
    return {
        "output": outputs["restored"].flip(1),
        "logits_center64": logits[..., top : top + 64, left : left + 64],
    }


PROBES = {
    name: network_probe(Generator, _run) for name in ("defocusgan", "defocusgan_masked")
}
