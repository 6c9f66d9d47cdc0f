"""DMENet's training: the defocus map at all resolutions, and domain adaptation to real pictures."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from defocus.baselines.losses.perceptual import make as make_perceptual
from defocus.baselines.objective import Batch, Objective, Progress, Result, detached
from defocus.baselines.systems.dmenet.network import (
    MAXIMUM_COC_PX,
    DMENet,
    UnscaledBatchNorm,
)
from defocus.errors import InputError, SettingsError
from defocus.pictures.read import IMAGE_SUFFIXES, read_image
from defocus.pictures.values import as_float

SLOPE = 0.2
CRITIC_CHANNELS = (64, 128, 256, 512)
HEAD_CHANNELS = (64, 64, 64, 32, 32, 32, 16, 16, 16)


class DomainCritic(nn.Module):
    """Whether features come from rendered pictures, one logit per patch; 64 channels."""

    def __init__(self, features: int = 64, divide_channels_by: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for count in CRITIC_CHANNELS:
            outputs = count // divide_channels_by
            layers += [_Strided(features, outputs), UnscaledBatchNorm(outputs)]
            layers.append(nn.LeakyReLU(SLOPE))
            features = outputs
        self.layers = nn.Sequential(*layers, _Strided(features, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``(N, 1, h, w)`` of ``(N, features, H, W)``; high for rendered pictures."""
        logits: Tensor = self.layers(features)
        return logits


class _Strided(nn.Conv2d):
    """4 x 4 in steps of 2 with TensorFlow's SAME padding: odd sides get a pixel more at the end."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        top, bottom = _same(height)
        left, right = _same(width)
        padded = functional.pad(features, (left, right, top, bottom))
        return super().forward(padded)


def _same(side: int) -> tuple[int, int]:
    """Padding before and after a side, px; the second is at least as wide as the first."""
    half = -(-side // 2)
    total = max(0, (half - 1) * 2 + 4 - side)
    before = total // 2
    return before, total - before


class FocusHead(nn.Module):
    """Predicts in-focus regions from the defocus map by 1 x 1 convolutions."""

    # Activations are not stated for it; they are those of the other parts.

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in HEAD_CHANNELS:
            layers += [nn.Conv2d(inputs, outputs, 1), UnscaledBatchNorm(outputs)]
            layers.append(nn.LeakyReLU(SLOPE))
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 1))

    def forward(self, share: Tensor) -> Tensor:
        """Logits ``(N, 1, H, W)`` of the map ``(N, 1, H, W)`` in [0, 1]."""
        logits: Tensor = self.layers(share)
        return logits


class RealPictures:
    """Crops of the pictures in a folder, drawn by PyTorch's generator, which training seeds."""

    def __init__(self, folder: Path) -> None:
        self.paths = _pictures(folder)

    def draw(self, like: Tensor) -> Tensor:
        """Crops in the number and size of those of a batch ``(N, 3, h, w)``."""
        crops = []
        for _ in range(len(like)):
            path = self.paths[_below(len(self.paths))]
            picture = _read(path)
            rows, columns = _place(picture, like, path)
            crops.append(picture[:, rows, columns])
        return torch.stack(crops).to(like.device)


class LabelledPictures:
    """Real pictures with masks: ``image/`` and ``gt/`` of one folder, matched by name."""

    def __init__(self, folder: Path) -> None:
        masks = {path.stem: path for path in _pictures(folder / "gt")}
        pictures = _pictures(folder / "image")
        for path in pictures:
            if path.stem not in masks:
                raise SettingsError(f"{path} has no mask in {folder / 'gt'}; add it")
        self.pairs = [(path, masks[path.stem]) for path in pictures]

    def draw(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Crops ``(N, 3, h, w)`` and their masks ``(N, 1, h, w)``, 0 or 1."""
        crops = []
        masks = []
        for _ in range(len(like)):
            path, mask_path = self.pairs[_below(len(self.pairs))]
            picture = _read(path)
            mask = _read(mask_path)
            if picture.shape != mask.shape:
                raise InputError(
                    f"{mask_path} differs in size from {path}; correct the folder"
                )
            rows, columns = _place(picture, like, path)
            crops.append(picture[:, rows, columns])
            masks.append((mask[:1, rows, columns] > 0.5).float())
        return torch.stack(crops).to(like.device), torch.stack(masks).to(like.device)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SettingsError(
            f"{folder}: no such folder of pictures; check the objective's settings"
        )
    pictures = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not pictures:
        raise SettingsError(
            f"{folder}: no picture in it; check the objective's settings"
        )
    return pictures


def _read(path: Path) -> Tensor:
    picture = as_float(read_image(path))
    return torch.from_numpy(picture).permute(2, 0, 1)


def _below(count: int) -> int:
    return int(torch.randint(count, ()))


def _place(picture: Tensor, like: Tensor, path: Path) -> tuple[slice, slice]:
    """Rows and columns of a crop, drawn."""
    height, width = picture.shape[1:]
    crop_height, crop_width = like.shape[2:]
    if height < crop_height or width < crop_width:
        raise InputError(
            f"{path} is {width}x{height}, smaller than the crops of "
            f"{crop_width}x{crop_height}; leave it out or train on smaller crops"
        )
    top = _below(height - crop_height + 1)
    left = _below(width - crop_width + 1)
    return slice(top, top + crop_height), slice(left, left + crop_width)


MAP_ONLY_EPOCHS = 10
PERCEPTUAL_WEIGHT = 1e-4
VGG_LAYER = 26
"""conv4_4 behind its ReLU. The authors' VGG19 has other weights and another range, so their weight
for this term has not the same effect here."""
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
        self._real: tuple[LabelledPictures, RealPictures] | None = None
        if labelled is not None and unlabelled is not None:
            self._real = labelled, unlabelled
        self.focus = FocusHead()
        self.adversary = DomainCritic(64 // divide_channels_by, divide_channels_by)

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss; its parts are unweighted, circles above 15 px count as 15 px."""
        # ``map``; later ``heads`` and ``perceptual``; with real pictures ``focus`` and
        # ``adversarial``.
        given = _maps(network, batch.blurry)
        diameters = batch.supervision["defocus_map"].abs()
        label = (diameters / MAXIMUM_COC_PX).clamp_max(1.0)
        of_map = mse_loss(given["map"], label)
        if progress.epoch < MAP_ONLY_EPOCHS:
            return of_map, {"map": of_map.detach()}
        heads = _heads_loss(given, label)
        perceptual = self._perceptual(
            given["map"].expand(-1, 3, -1, -1),
            label.expand(-1, 3, -1, -1),
        )
        loss = of_map + heads.sum() + PERCEPTUAL_WEIGHT * perceptual
        parts = {
            "map": of_map,
            "heads": heads.sum(),
            "perceptual": perceptual,
        }
        loss, parts = self._with_real_pictures(network, batch, loss, parts)
        return loss, detached(parts)

    def _with_real_pictures(
        self,
        network: nn.Module,
        batch: Batch,
        loss: Tensor,
        parts: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its parts with those of real pictures, if there are any."""
        if self._real is not None:
            focus, adversarial = self._adapted(network, batch.blurry, *self._real)
            loss = loss + FOCUS_WEIGHT * focus + ADVERSARIAL_WEIGHT * adversarial
            parts |= {"focus": focus, "adversarial": adversarial}
        return loss, parts

    def adversary_loss(
        self,
        network: nn.Module,
        batch: Batch,
        progress: Progress,
    ) -> Result | None:
        """The critic's: (2 rendered + real with masks + real without) / 2, times 1e-3."""
        if self._real is None or progress.epoch < MAP_ONLY_EPOCHS:
            return None
        labelled, unlabelled = self._real
        pictures = (
            batch.blurry,
            labelled.draw(batch.blurry)[0],
            unlabelled.draw(batch.blurry),
        )
        with torch.no_grad():
            features = [_maps(network, each)["features_u0"] for each in pictures]
        rendered, masked, bare = (
            self._judged(each, rendered=number == 0)
            for number, each in enumerate(features)
        )
        return ADVERSARIAL_WEIGHT * (2 * rendered + masked + bare) / 2, {}

    def _adapted(
        self,
        network: nn.Module,
        blurry: Tensor,
        labelled: LabelledPictures,
        unlabelled: RealPictures,
    ) -> tuple[Tensor, Tensor]:
        """How badly masks are predicted from maps, and how well the critic sees real pictures."""
        pictures, masks = labelled.draw(blurry)
        of_masked = _maps(network, pictures)
        of_bare = _maps(network, unlabelled.draw(blurry))
        focus = binary_cross_entropy_with_logits(self.focus(of_masked["map"]), masks)
        losses = [
            self._judged(one["features_u0"], rendered=True)
            for one in (of_masked, of_bare)
        ]
        return focus, (losses[0] + losses[1]) / 2

    def _judged(self, features: Tensor, *, rendered: bool) -> Tensor:
        """Cross-entropy of the critic, for features of rendered or of real pictures."""
        if self.adversary is None:
            raise TypeError("the critic was removed")
        logits = self.adversary(features)
        return binary_cross_entropy_with_logits(
            logits,
            torch.full_like(logits, float(rendered)),
        )


def _heads_loss(given: dict[str, Tensor], label: Tensor) -> Tensor:
    """``(5,)``: the loss of the map that each scale's head predicts."""
    losses = []
    for scale in SCALES:
        logits = given[f"aux_logits_{scale}"]
        resized = resized_label(label, logits.shape[2:])
        losses.append(mse_loss(torch.sigmoid(logits), resized))
    return torch.stack(losses)


def _maps(network: nn.Module, pictures: Tensor) -> dict[str, Tensor]:
    """Outputs of the map's network; in training, a chain around it does not deconvolve."""
    if not isinstance(network, DMENet):
        raise TypeError(
            f"the objective 'dmenet' trains a DMENet, not {type(network).__name__}"
        )
    return DMENet.outputs(network, pictures)


def resized_label(label: Tensor, size: Sequence[int]) -> Tensor:
    """The nearest neighbour with aligned corners: sample i is round(i (n - 1) / (m - 1))."""
    for axis, count in zip((2, 3), size, strict=True):
        last = label.shape[axis] - 1
        place = torch.linspace(0, last, count, device=label.device)
        nearest = place.round().long()
        label = label.index_select(axis, nearest)
    return label


def make(
    labelled: str | None = None,
    unlabelled: str | None = None,
    divide_channels_by: int = 1,
) -> DMENetObjective:
    """The objective; without both folders there is no adaptation."""
    # ``labelled`` has ``image/`` and ``gt/`` (masks of what is in focus, such as CUHK's),
    # ``unlabelled`` real pictures, such as Flickr's.
    if (labelled is None) != (unlabelled is None):
        raise SettingsError(
            "adaptation needs both folders: set 'labelled' and 'unlabelled'"
        )
    return DMENetObjective(
        LabelledPictures(Path(labelled)) if labelled is not None else None,
        RealPictures(Path(unlabelled)) if unlabelled is not None else None,
        divide_channels_by,
    )
