"""Probes of networks that take or make the two views of a dual-pixel sensor."""

from functools import partial

import torch

from defocus.baselines.systems.dpdnet.network import DPDNet, reversed_colours
from defocus.baselines.systems.kpac.network import KPAC
from defocus.baselines.systems.lakdnet.network import LaKDNet
from defocus.baselines.systems.mdp.network import MDP, VIEWS
from tests.conformance.probe import Arrays, Given, network_probe


def dpdnet(network: DPDNet, given: Given) -> Arrays:
    (pictures,) = given.inputs.values()  # blue, green, red: the network's own order
    return {"output": network(reversed_colours(pictures)).flip(1)}


def kpac(network: KPAC, given: Given) -> Arrays:
    views = torch.cat([given.inputs["left"], given.inputs["right"]], dim=1)
    return {"output": network(given.inputs["combined"], views)}


def lakdnet(network: LaKDNet, given: Given) -> Arrays:
    (views,) = given.inputs.values()  # the fixtures' dual input: left, right, picture
    dual_pixel = views[:, :-3] if views.shape[1] > 3 else None
    unclipped = network.unclipped(views[:, -3:], dual_pixel)
    return {"output": unclipped.clamp(0, 1), "preclip": unclipped}


def mdp(network: MDP, given: Given) -> Arrays:
    """The official function takes BGR as it comes, so the picture is turned round beforehand."""
    (picture,) = given.inputs.values()
    outputs = network.outputs(picture.flip(1))
    views = [outputs[name].flip(1) for name in ("left", "right", "restored")]
    return {
        "output": torch.cat(views, dim=1),
        "pre_head": torch.cat([outputs[f"pre_{view}"] for view in VIEWS], dim=1),
    }


PROBES = {
    "dpdnet_single": network_probe(DPDNet, dpdnet),
    "dpdnet_dual": network_probe(partial(DPDNet, views=2), dpdnet),
    "kpac_2level": network_probe(partial(KPAC, 2), signed=True),
    "kpac_3level": network_probe(partial(KPAC, 3), signed=True),
    "kpac_dual": network_probe(partial(KPAC, 3, dual=True), kpac, signed=True),
    "lakdnet_s": network_probe(LaKDNet, lakdnet),
    "lakdnet_l": network_probe(partial(LaKDNet, dim=48), lakdnet),
    "lakdnet_s_dual": network_probe(partial(LaKDNet, dual=True), lakdnet),
    "lakdnet_l_dual": network_probe(partial(LaKDNet, dim=48, dual=True), lakdnet),
    "mdp": network_probe(MDP, mdp),
}
