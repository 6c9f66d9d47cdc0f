"""Metrics beside those of pyiqa, a table of metrics.md: ``python -m research.pages.beside_pyiqa``.

Nothing is fetched: NIQE and DISTS have this package's parameters, VGG-16 weights of a seed."""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pyiqa.archs.dists_arch import DISTS
from pyiqa.archs.niqe_arch import NIQE
from pyiqa.archs.psnr_arch import PSNR
from pyiqa.archs.ssim_arch import MS_SSIM, SSIM
from safetensors.torch import load_file
from scipy.io import savemat
from skimage import data
from torchvision.models import vgg16

from defocus.baselines.weights import backbone_files
from defocus.benchmark import metrics
from defocus.benchmark.metrics.metric import all_metrics
from defocus.benchmark.scoring.profiles import PROFILES
from defocus.storage.files import sha256_file
from research.markdown import row, rule

Array = NDArray[np.float64]

PARAMETERS = Path(metrics.__file__).parent
PICTURES = {
    "astronaut": data.astronaut,
    "coffee": data.coffee,
    "chelsea": data.chelsea,
}


def peers(folder: Path) -> dict[str, torch.nn.Module]:
    """The metrics of pyiqa, with our parameters; our DISTS gets the backbone of theirs."""
    niqe = load_file(PARAMETERS / "niqe.safetensors")
    names = {"mu_prisparam": "mean", "cov_prisparam": "covariance"}
    parameters = {key: niqe[name].numpy() for key, name in names.items()}
    savemat(folder / "niqe.mat", parameters)
    torch.manual_seed(3)
    backbone = vgg16(weights=None)
    place = backbone_files.BACKBONES["vgg"].path
    place.parent.mkdir(parents=True)
    torch.save(backbone.state_dict(), place)
    own_file = replace(
        backbone_files.BACKBONES["vgg"],
        sha256_prefix=sha256_file(place)[:8],
    )
    backbone_files.BACKBONES["vgg"] = own_file
    with patch("torchvision.models.vgg16", return_value=backbone):
        dists = DISTS(pretrained=False)
    for name, value in load_file(PARAMETERS / "dists.safetensors").items():
        getattr(dists, name).data = value[None, :, None, None]
    return {
        "psnr": PSNR(),
        "ssim": SSIM(),
        "ms_ssim": MS_SSIM(),
        "niqe": NIQE(pretrained_model_path=str(folder / "niqe.mat")),
        "dists": dists.eval(),
    }


def tensor(picture: Array) -> torch.Tensor:
    """``(1, 3, H, W)`` in single precision, as pyiqa reads a file."""
    channels_first = picture.transpose(2, 0, 1)[None]
    return torch.from_numpy(channels_first.astype(np.float32))


def main() -> None:
    """Print every metric of every picture, behind a blur of σ 1.3 px with noise, by both."""
    with (
        tempfile.TemporaryDirectory() as name,
        patch.dict("os.environ", TORCH_HOME=name),
    ):
        theirs = peers(Path(name))
        heads = []
        for metric in theirs:
            heads += [f"{metric}, ours", f"{metric}, pyiqa"]
        print(row("picture", *heads), rule(len(heads)), sep="\n")  # noqa: T201
        for title, read in PICTURES.items():
            sharp = read().astype(np.float64)  # type: ignore[no-untyped-call]
            pair = degraded(sharp) / 255, sharp / 255
            cells = []
            for metric, module in theirs.items():
                cells += both_values(metric, module, pair)
            print(row(title, *cells))  # noqa: T201


def degraded(sharp: Array) -> Array:
    """A picture behind a blur with noise, in whole codes."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 2, sharp.shape)
    blurred = cv2.GaussianBlur(sharp, (9, 9), 1.3)
    return np.clip(np.rint(blurred + noise), 0, 255)


def both_values(
    metric: str,
    module: Callable[..., torch.Tensor],
    pair: tuple[Array, Array],
) -> list[str]:
    """The value of our metric and that of pyiqa."""
    mask = np.ones(pair[1].shape[:2], bool)
    own_value = all_metrics()[metric].score(*pair, mask, PROFILES["pyiqa"])
    given = list(map(tensor, pair))
    if metric == "niqe":
        given = given[:1]
    with torch.no_grad():
        their_value = float(module(*given))
    return [f"{own_value:.6f}", f"{their_value:.6f}"]


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
