"""DMENet's training: the defocus map at all resolutions, and domain adaptation to real pictures."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from defocus.baselines.losses.perceptual import make as make_perceptual
from defocus.baselines.objective import Batch, Objective, Progress, Result
from defocus.baselines.systems.dmenet.adaptation import (
    DomainCritic,
    FocusHead,
    LabelledPictures,
    RealPictures,
)
from defocus.baselines.systems.dmenet.network import MAXIMUM_COC_PX, DMENet
from defocus.errors import SettingsError

MAP_ONLY_EPOCHS = 10
PERCEPTUAL_WEIGHT = 1e-4
VGG_LAYER = 26
"""conv4_4 with its ReLU; the authors' VGG19 has other weights and another range, so their weight of
this term is not the same force here."""
FOCUS_WEIGHT = 2e-2
ADVERSARIAL_WEIGHT = 1e-3
SCALES = ("u4", "u3", "u2", "u1", "u0")


class DMENetObjective(Objective):
    """MSE of the map; after 10 epochs also of the five heads, VGG19 features, and real pictures."""

    # Without labelled (masks of what is in focus) and unlabelled pictures there is no adaptation,
    # and the critic is not used. Source: Lee et al., CVPR 2019; the released training script.

    def __init__(
        self,
        labelled: LabelledPictures | None = None,
        unlabelled: RealPictures | None = None,
        divide_channels_by: int = 1,
    ) -> None:
        super().__init__()
        self._perceptual = make_perceptual(VGG_LAYER)
        self._real = None if labelled is None or unlabelled is None else (labelled, unlabelled)
        self.focus = FocusHead()
        self.adversary = DomainCritic(64 // divide_channels_by, divide_channels_by)

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss; its parts are unweighted, circles above 15 px count as 15 px."""
        # ``map``; later ``heads`` and ``perceptual``; with real pictures ``focus`` and
        # ``adversarial``.
        given = _maps(network, batch.blurry)
        label = (batch.supervision["defocus_map"].abs() / MAXIMUM_COC_PX).clamp_max(1.0)
        of_map = mse_loss(given["map"], label)
        if progress.epoch < MAP_ONLY_EPOCHS:
            return of_map, {"map": of_map.detach()}
        logits = [given[f"aux_logits_{scale}"] for scale in SCALES]
        labels = [resized_label(label, one.shape[2:]) for one in logits]
        heads = torch.stack(list(map(mse_loss, map(torch.sigmoid, logits), labels)))
        perceptual = self._perceptual(
            given["map"].expand(-1, 3, -1, -1), label.expand(-1, 3, -1, -1)
        )
        loss = of_map + heads.sum() + PERCEPTUAL_WEIGHT * perceptual
        parts = {"map": of_map, "heads": heads.sum(), "perceptual": perceptual}
        if self._real is not None:
            focus, adversarial = self._adapted(network, batch.blurry, *self._real)
            loss = loss + FOCUS_WEIGHT * focus + ADVERSARIAL_WEIGHT * adversarial
            parts |= {"focus": focus, "adversarial": adversarial}
        return loss, {name: value.detach() for name, value in parts.items()}

    def adversary_loss(self, network: nn.Module, batch: Batch, progress: Progress) -> Result | None:
        """The critic's: (2 rendered + real with masks + real without) / 2, times 1e-3."""
        if self._real is None or progress.epoch < MAP_ONLY_EPOCHS:
            return None
        labelled, unlabelled = self._real
        pictures = (batch.blurry, labelled.draw(batch.blurry)[0], unlabelled.draw(batch.blurry))
        with torch.no_grad():
            features = [_maps(network, each)["features_u0"] for each in pictures]
        rendered, masked, bare = (
            self._judged(each, rendered=number == 0) for number, each in enumerate(features)
        )
        return ADVERSARIAL_WEIGHT * (2 * rendered + masked + bare) / 2, {}

    def _adapted(
        self,
        network: nn.Module,
        blurry: torch.Tensor,
        labelled: LabelledPictures,
        unlabelled: RealPictures,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How badly masks are told from maps, and how well the critic tells real pictures."""
        pictures, masks = labelled.draw(blurry)
        of_masked, of_bare = _maps(network, pictures), _maps(network, unlabelled.draw(blurry))
        focus = binary_cross_entropy_with_logits(self.focus(of_masked["map"]), masks)
        told = [self._judged(one["features_u0"], rendered=True) for one in (of_masked, of_bare)]
        return focus, (told[0] + told[1]) / 2

    def _judged(self, features: torch.Tensor, *, rendered: bool) -> torch.Tensor:
        """Cross-entropy of the critic where the features were of rendered pictures, or were not."""
        if self.adversary is None:
            raise TypeError("the critic was removed")
        logits = self.adversary(features)
        return binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(rendered)))


def _maps(network: nn.Module, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """Outputs of the map's network; in training, a chain around it does not deconvolve."""
    if not isinstance(network, DMENet):
        raise TypeError(f"the objective 'dmenet' trains a DMENet, not {type(network).__name__}")
    return DMENet.outputs(network, pictures)


def resized_label(label: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """The nearest neighbour with aligned corners: sample i is round(i (n - 1) / (m - 1))."""
    for axis, count in zip((2, 3), size, strict=True):
        place = torch.linspace(0, label.shape[axis] - 1, count, device=label.device)
        label = label.index_select(axis, place.round().long())
    return label


def make(
    labelled: str | None = None, unlabelled: str | None = None, divide_channels_by: int = 1
) -> DMENetObjective:
    """The objective; without both folders there is no adaptation."""
    # ``labelled`` has ``image/`` and ``gt/`` (masks of what is in focus, such as CUHK's),
    # ``unlabelled`` real pictures, such as Flickr's.
    if (labelled is None) != (unlabelled is None):
        raise SettingsError("adaptation needs both folders: set 'labelled' and 'unlabelled'")
    return DMENetObjective(
        LabelledPictures(Path(labelled)) if labelled is not None else None,
        RealPictures(Path(unlabelled)) if unlabelled is not None else None,
        divide_channels_by,
    )
