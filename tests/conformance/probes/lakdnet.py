"""Probes of LaKDNet against the official networks."""

from functools import partial

from defocus.baselines.systems.lakdnet.network import LaKDNet
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: LaKDNet, given: Given) -> Arrays:
    (views,) = given.inputs.values()
    # the fixtures' dual input is one tensor: left, right, picture
    blurry = views[:, -3:]
    dual_pixel = views[:, :-3] if views.shape[1] > 3 else None
    unclipped = network.unclipped(blurry, dual_pixel)
    return {"output": unclipped.clamp(0, 1), "preclip": unclipped}


PROBES = {
    "lakdnet_s": network_probe(LaKDNet, _run),
    "lakdnet_l": network_probe(partial(LaKDNet, dim=48), _run),
    "lakdnet_s_dual": network_probe(partial(LaKDNet, dual=True), _run),
    "lakdnet_l_dual": network_probe(partial(LaKDNet, dim=48, dual=True), _run),
}
