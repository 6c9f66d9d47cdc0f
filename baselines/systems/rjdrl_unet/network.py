"""Reblurring-guided networks, with the released names: a blur estimator and a U-Net that uses it.

Source: IJCV 2025, arXiv 2409.17792; ssscrystal/Reblurring-guided-JDRL at ef90c714."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from defocus.baselines.layers.attention import LinearChannelAttention
from defocus.baselines.layers.named import SeveralOutputs
from defocus.baselines.layers.padding import cropped, pad_to_multiple
from defocus.baselines.objectives.jdrl import reblur
from defocus.baselines.objectives.jdrl.reblur import Trunk
from defocus.baselines.operators.reblurring.rings import seed_count
from defocus.baselines.systems.unet.network import LEVELS, WIDTH, UNet

CORE = seed_count(reblur.LEVELS)
"""Radial samples of all kernels: what the estimator predicts of each pixel."""
ATTENTION_REDUCTION = 16
"""Reduction of the channel attention over picture and estimate."""
FEATURES = 32
BIAS = 0.1


class BlurEstimator(Trunk):
    """Predicts from the blurry picture the radial kernel samples that R finds."""

    def __init__(self, features: int = FEATURES) -> None:
        super().__init__(3, CORE, features)
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    """He's initialisation by fan-out, biases 0.1, as the released code."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.constant_(module.bias, BIAS)


MULTIPLE = 16


class Guided(SeveralOutputs):
    """A network with the blur estimator before it."""

    # ``deblur`` maps picture ``(N, 3, H, W)`` and estimate ``(N, 35, H, W)`` to the restored
    # picture; H and W are multiples of 16.

    def __init__(self, deblur: nn.Module, features: int = FEATURES) -> None:
        super().__init__()
        self.pred = BlurEstimator(features)
        self.deblur = deblur

    def outputs(
        self,
        blurry: Tensor,
        core_share: float = 1.0,
    ) -> dict[str, Tensor]:
        """``restored``, and ``core``: the estimate of the kernels' radial samples."""
        # ``core_share`` is a factor on the estimate where the network is shown it; it rises in
        # training.
        padded = pad_to_multiple(blurry, MULTIPLE)
        core = self.pred(padded)
        restored = self.deblur(padded, core_share * core)
        return {"restored": cropped(restored, blurry), "core": cropped(core, blurry)}


class GuidedUNet(UNet):
    """JDRL's U-Net on the picture and the estimate, weighed by channel attention."""

    def __init__(
        self,
        *,
        width: int = WIDTH,
        levels: int = LEVELS,
        adds_input: bool = False,
    ) -> None:
        super().__init__(
            width=width,
            levels=levels,
            inputs=3 + CORE,
            adds_input=adds_input,
        )
        own = dict(self.named_children())
        self.channel_attention = LinearChannelAttention(3 + CORE, ATTENTION_REDUCTION)
        for (
            name,
            module,
        ) in own.items():  # the released state dict has the attention first
            del self._modules[name]
            self.add_module(name, module)

    def forward(
        self,
        blurry: Tensor,
        core: Tensor | None = None,
    ) -> Tensor:
        """Restore ``(N, 3, H, W)``, sides of multiples of 16; ``core`` is None if unknown."""
        core = (
            blurry.new_zeros((len(blurry), CORE, *blurry.shape[2:]))
            if core is None
            else core
        )
        return self._restored(
            blurry,
            self.channel_attention(torch.cat([blurry, core], dim=1)),
        )


def rjdrl_unet(
    *,
    width: int = WIDTH,
    levels: int = LEVELS,
    features: int = FEATURES,
    adds_input: bool = False,
) -> Guided:
    """The guided U-Net with fresh weights; ``features`` are the blur estimator's channels."""
    network = GuidedUNet(width=width, levels=levels, adds_input=adds_input)
    return Guided(network, features)


PARTS = {"Pred_state_dict.": "pred.", "G_state_dict.": "deblur."}
"""Prefixes under which the released checkpoints keep the estimator and the network. Our names have
none of them."""


def convert(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The estimator and the network below our names; other files are left as they are."""
    # Entries of the reblurring network are dropped. A LookupError says that one of the two is
    # missing.
    state = {}
    for name, tensor in tensors.items():
        for theirs, own in PARTS.items():
            if name.startswith(theirs):
                entry = name.removeprefix(theirs).removeprefix("module.")
                state[own + entry] = tensor
    if not state:
        return tensors
    for theirs, own in PARTS.items():
        if not any(name.startswith(own) for name in state):
            raise LookupError(f"no {theirs}*, but both parts belong together")
    return state
