"""Reblurring operator: its inputs and the choice of implementation."""

import importlib.util
from typing import Literal, TypeAlias

import torch

from defocus.baselines.operators.reblurring.rings import seed_count
from defocus.baselines.operators.reblurring.tiled import TiledReblur
from defocus.errors import InputError

Path: TypeAlias = Literal["torch", "compiled", "triton"]
"""``torch``: everywhere. ``compiled``: CPU, float32. ``triton``: CUDA, float32."""


def isotropic_reblur(
    image: torch.Tensor, seeds: torch.Tensor, weights: torch.Tensor, path: Path | None = None
) -> torch.Tensor:
    """Weighted sum of the picture and its per-pixel isotropically blurred versions."""
    # The kernel of radius r is softmax(l) over its (2r + 1)² taps, where l at distance rho is
    # |seed| interpolated linearly at rho, and 0 where rho > r; outside the frame the picture is 0.
    # Seeds ``(N, S, H, W)`` are radial samples of radius 1 (2 of them) to m - 1 (m), weights ``(N,
    # m, H, W)`` those of radius 0 to m - 1. All paths are exact. Source: JDRL (AAAI 2023), section
    # 3.2 and its code.
    _check(image, seeds, weights)
    device = image.device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return _reblurred(image, seeds, weights, path)
    with torch.autocast(device, enabled=False):  # bf16 keeps three digits of sums of 225 taps
        return _reblurred(image.float(), seeds.float(), weights.float(), path)


def _reblurred(
    image: torch.Tensor, seeds: torch.Tensor, weights: torch.Tensor, path: Path | None
) -> torch.Tensor:
    path = path or _default_path(image)
    device = {"torch": image.device.type, "compiled": "cpu", "triton": "cuda"}[path]
    if path != "torch" and (image.device.type != device or image.dtype != torch.float32):
        raise InputError(
            f"the reblurring path {path!r} takes float32 on {device}, not {image.dtype} on "
            f"{image.device}; leave the path out"
        )
    function: type[torch.autograd.Function] = TiledReblur
    if path == "compiled":  # each loads its compiler only when asked for
        from defocus.baselines.operators.reblurring import compiled

        function = compiled.CompiledReblur
    if path == "triton":
        from defocus.baselines.operators.reblurring import triton_path

        function = triton_path.TritonReblur
    blurred: torch.Tensor = function.apply(image, seeds, weights)
    return blurred


def _default_path(image: torch.Tensor) -> Path:
    cuda = image.is_cuda and torch.version.cuda is not None and image.dtype == torch.float32
    return "triton" if cuda and importlib.util.find_spec("triton") else "torch"


def _check(image: torch.Tensor, seeds: torch.Tensor, weights: torch.Tensor) -> None:
    levels, size = weights.shape[1], (image.shape[0], *image.shape[2:])
    fits = levels >= 2 and seeds.shape[1] == seed_count(levels)
    if not fits or any((one.shape[0], *one.shape[2:]) != size for one in (seeds, weights)):
        raise InputError(
            f"pictures {tuple(image.shape)}, seeds {tuple(seeds.shape)} and weights "
            f"{tuple(weights.shape)} do not fit; m levels need 2 + 3 + … + m seeds"
        )


def blur_levels(image: torch.Tensor, seeds: torch.Tensor, levels: int = 8) -> torch.Tensor:
    """The blurred versions by themselves, ``(m - 1, N, C, H, W)``, from the smallest kernel on."""
    count, _, height, width = image.shape
    choose = torch.eye(levels, dtype=image.dtype, device=image.device)[1:, None, :, None, None]
    return torch.stack(
        [isotropic_reblur(image, seeds, w.expand(count, -1, height, width)) for w in choose]
    )
