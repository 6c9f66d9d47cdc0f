"""Probe of INIKNet against the official network."""

from defocus.baselines.systems.iniknet.network import INIKNet
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: INIKNet, given: Given) -> Arrays:
    (blurry,) = given.inputs.values()
    outputs = network.outputs(blurry)
    kernels = {f"kernels_{size.shape[-1]}": size for size in network.inr_conv()}
    smaller = {name: outputs[name].flip(1) for name in ("half", "quarter")}  # BGR, as output
    return {"output": outputs["restored"], **smaller, **kernels}


PROBES = {"iniknet": network_probe(INIKNet, _run, bgr=True)}
