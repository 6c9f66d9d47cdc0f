"""Probes of JDRL's reblurring network and operators against the official ones."""

from defocus.align.flow.calibration_mask import official_mask
from defocus.align.flow.colour_wheel import flow_grey
from defocus.align.sampling.warp import warp
from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.operators.reblurring.operator import blur_levels
from tests.conformance.probe import (
    Arrays,
    Given,
    network_probe,
    operator_inputs,
    operator_probe,
)


def _run_operators(given: Given) -> Arrays:
    inputs = given.inputs
    image, flow = inputs["image"], inputs["flow"]
    warped = warp(image, flow, grid="official")
    return {
        "kernel_apply": blur_levels(image, inputs["core"])[..., ::2, ::2],
        "warp": warped,
        "flow_gray": flow_grey(inputs["mask_flow"]),
        "mask": official_mask(inputs["mask_flow"]),
        "charbonnier": charbonnier(image, warped),
        "flow_gray_wide": flow_grey(flow),
        "mask_wide": official_mask(flow),
    }


PROBES = {
    "jdrl_reblur": network_probe(ReblurNet),
    "jdrl_ops": operator_probe(_run_operators, operator_inputs),
}
