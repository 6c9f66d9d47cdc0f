"""Probes of networks whose inputs or outputs differ from those of the official ones."""

from functools import partial

from defocus.baselines.systems.bokehlicious import BASELINES as BOKEHLICIOUS
from defocus.baselines.systems.bokehlicious.network import Bokehlicious
from defocus.baselines.systems.dmenet.network import DMENet
from defocus.baselines.systems.dmphn import STACKS
from defocus.baselines.systems.dmphn.network import DMPHN, GREY, StackedDMPHN
from defocus.baselines.systems.ffdnet.network import FFDNet
from defocus.baselines.systems.gkmnet.network import GKMNet
from defocus.baselines.systems.iniknet.network import INIKNet
from defocus.baselines.systems.mprnet.network import MPRNet
from defocus.baselines.systems.p2ikt.network import P2IKT
from defocus.baselines.systems.pptformer.network import PPTformer
from tests.conformance.probe import Arrays, Given, network_probe


def bokehlicious(network: Bokehlicious, given: Given) -> Arrays:
    return {"output": network.restored(*given.inputs.values())}


def dmenet(network: DMENet, given: Given) -> Arrays:
    outputs = network.outputs(*given.inputs.values())
    return outputs | {"output": outputs["map"]}


def dmphn(network: DMPHN | StackedDMPHN, given: Given) -> Arrays:
    (picture,) = given.inputs.values()  # the network's own values, where 0 is grey
    return {"output": network(picture + GREY) - GREY}


def ffdnet(network: FFDNet, given: Given) -> Arrays:
    return {"output": network.denoised(*given.inputs.values())}


def gkmnet(network: GKMNet, given: Given) -> Arrays:
    """The fixtures' pyramid is of 2 × 2 means; ours, as the official loader's, is antialiased."""
    restored = network.restored_scales(list(given.inputs.values()))
    return dict(zip(("output", "half", "quarter"), restored, strict=True))


def iniknet(network: INIKNet, given: Given) -> Arrays:
    (blurry,) = given.inputs.values()
    outputs = network.outputs(blurry)
    kernels = {f"kernels_{size.shape[-1]}": size for size in network.inr_conv()}
    # BGR, as output
    smaller = {name: outputs[name].flip(1) for name in ("half", "quarter")}
    return {"output": outputs["restored"], **smaller, **kernels}


def mprnet(network: MPRNet, given: Given) -> Arrays:
    outputs = network.outputs(*given.inputs.values())
    stages = {f"stage{n}_sub": outputs[f"stage{n}"][..., ::4, ::4] for n in (2, 1)}
    return {"output": outputs["restored"], **stages}


def p2ikt(network: P2IKT, given: Given) -> Arrays:
    """The fixtures store the 64 x 64 centre of the auxiliary picture."""
    outputs = network.outputs(*given.inputs.values())
    auxiliary = outputs["auxiliary"]
    top, left = (max(side // 2 - 32, 0) for side in auxiliary.shape[-2:])
    return {
        "output": outputs["restored"],
        "half": outputs["half"],
        "quarter": outputs["quarter"],
        "aux_center64": auxiliary[..., top : top + 64, left : left + 64],
    }


def pptformer(network: PPTformer, given: Given) -> Arrays:
    picture, parser = given.inputs.values()
    return {"output": network(picture, parser=parser)}


WITHOUT_DROPPING = {"dropped": 0.0}
"""A training step with dropped blocks would be another one each time."""

PROBES = {
    "bokehlicious": network_probe(
        BOKEHLICIOUS[0].build.given(WITHOUT_DROPPING), bokehlicious
    ),
    "bokehlicious_l": network_probe(
        BOKEHLICIOUS[1].build.given(WITHOUT_DROPPING), bokehlicious
    ),
    "dmenet": network_probe(DMENet, dmenet),
    "dmphn_1_2_4": network_probe(partial(DMPHN, 3), dmphn),
    "dmphn_1_2_4_8": network_probe(partial(DMPHN, 4), dmphn),
    **{
        f"dmphn_stack{n}": network_probe(partial(StackedDMPHN, n), dmphn)
        for n in STACKS
    },
    "ffdnet_color": network_probe(FFDNet, ffdnet),
    "ffdnet_gray": network_probe(
        partial(FFDNet, colours=1, width=64, depth=15), ffdnet
    ),
    "gkmnet": network_probe(GKMNet, gkmnet),
    "gkmnet_updating": network_probe(partial(GKMNet, "updated"), gkmnet),
    "iniknet": network_probe(INIKNet, iniknet, bgr=True),
    "mprnet": network_probe(MPRNet, mprnet),
    "p2ikt": network_probe(P2IKT, p2ikt),
    "pptformer": network_probe(PPTformer, pptformer),
}
