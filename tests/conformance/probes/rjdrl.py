"""Probes of the guided networks and their reblurring module against the official ones."""

from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.systems.rjdrl_restormer.network import rjdrl_restormer
from defocus.baselines.systems.rjdrl_unet.network import Guided, rjdrl_unet
from tests.conformance.probe import Arrays, Given, network_probe


def run_guided(network: Guided, given: Given) -> Arrays:
    """The restored picture, and the part of the estimate that the fixture stores."""
    (picture,) = given.inputs.values()
    outputs = network.outputs(picture)
    crop = given.meta.get("stored_crops", {}).get("core_center32")
    if crop is None:
        return {"output": outputs["restored"]}
    rows = slice(crop["top"], crop["top"] + crop["height"])
    columns = slice(crop["left"], crop["left"] + crop["width"])
    return {
        "output": outputs["restored"],
        "core_center32": outputs["core"][..., rows, columns],
    }


def _run_reblur(network: ReblurNet, given: Given) -> Arrays:
    reblurred = network.reblur(*given.inputs.values())
    # its corner at the top left is stored
    height, width = given.meta["arrays"]["core"][-2:]
    core = reblurred.seeds[..., :height, :width]
    return {"output": reblurred.picture, "core": core, "kernel_map": reblurred.weights}


PROBES = {
    "rjdrl_restormer": network_probe(rjdrl_restormer, run_guided),
    "rjdrl_unet": network_probe(rjdrl_unet, run_guided),
    "rjdrl_reblur": network_probe(ReblurNet, _run_reblur),
}
