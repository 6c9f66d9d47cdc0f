"""Probes of networks that are called with the fixture's inputs in order."""

from functools import partial

from defocus.baselines.systems.aifnet.network import AIFNet
from defocus.baselines.systems.contextual_deblur.network import ContextualDeblur
from defocus.baselines.systems.convir.network import ConvIR
from defocus.baselines.systems.demoe.network import DeMoE
from defocus.baselines.systems.dncnn.network import DnCNN
from defocus.baselines.systems.focalnet.network import FocalNet
from defocus.baselines.systems.fsnet.network import FSNet
from defocus.baselines.systems.irnext.network import IRNeXt
from defocus.baselines.systems.nafnet.network import NAFNet
from defocus.baselines.systems.nrknet.network import NRKNet
from defocus.baselines.systems.oknet.network import OKNet
from defocus.baselines.systems.restormer.network import Restormer
from defocus.baselines.systems.sfnet.network import SFNet
from defocus.baselines.systems.uformer_b.network import Uformer
from defocus.baselines.systems.unet.network import UNet
from tests.conformance.probe import network_probe

AIFNET = {"output": "restored", "logits": "logits", "defocus_map": "blur_map"}
SCALES = {"output": "restored", "half": "half", "quarter": "quarter"}

PROBES = {
    "aifnet": network_probe(AIFNet, outputs=AIFNET),
    "contextualdeblur": network_probe(ContextualDeblur, bgr=True),
    "convir_1": network_probe(partial(ConvIR, blocks=1), outputs=SCALES),
    "convir_s": network_probe(ConvIR, outputs=SCALES),
    "convir_b": network_probe(partial(ConvIR, blocks=8), outputs=SCALES),
    "convir_l": network_probe(partial(ConvIR, blocks=16), outputs=SCALES),
    "demoe": network_probe(DeMoE),
    "demoe_auto": network_probe(partial(DeMoE, classify=True)),
    "dncnn": network_probe(DnCNN),
    "dncnn_color_blind": network_probe(partial(DnCNN, depth=20, normalised=False)),
    "focalnet": network_probe(FocalNet, outputs=SCALES),
    "focalnet_4": network_probe(partial(FocalNet, blocks=4), outputs=SCALES),
    "fsnet": network_probe(FSNet, outputs=SCALES),
    "fsnet_local80": network_probe(partial(FSNet, window_px=80), outputs=SCALES),
    "irnext": network_probe(IRNeXt, outputs=SCALES),
    "irnext_4": network_probe(partial(IRNeXt, blocks=4), outputs=SCALES),
    "nafnet_w32": network_probe(NAFNet),
    "nafnet_w64": network_probe(partial(NAFNet, width=64)),
    "nafnet_local": network_probe(partial(NAFNet, window_px=96)),
    "nrknet": network_probe(NRKNet, bgr=True),
    "oknet": network_probe(OKNet, outputs=SCALES),
    "oknet_4": network_probe(partial(OKNet, blocks=4), outputs=SCALES),
    "restormer_single": network_probe(Restormer),
    "restormer_dual": network_probe(partial(Restormer, dual=True)),
    "sfnet": network_probe(SFNet, outputs=SCALES),
    "sfnet_local80": network_probe(partial(SFNet, window_px=80), outputs=SCALES),
    "uformer_b": network_probe(Uformer),
    "uformer_b_ps128": network_probe(partial(Uformer, nominal_px=128)),
    "jdrl_unet": network_probe(UNet),
}
