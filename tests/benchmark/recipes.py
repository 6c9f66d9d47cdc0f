"""The authors' evaluation recipes, transcribed plainly with scikit-image, numpy and OpenCV."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


def full_scale(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float64) / (65535 if picture.dtype == np.uint16 else 255)


def eight_bit(path: Path) -> np.ndarray:
    """What ``imread`` gives a script that does not ask for 16 bits."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR))


def three(output: np.ndarray, sharp: np.ndarray) -> dict[str, float]:
    return {
        "psnr": float(10 * np.log10(1 / np.mean((output - sharp) ** 2))),
        "ssim": float(
            structural_similarity(sharp, output, data_range=1, channel_axis=2)
        ),
        "mae": float(
            np.mean([np.abs(output[..., c] - sharp[..., c]).mean() for c in range(3)])
        ),
    }


def dpdd16(output: Path, sharp: Path) -> dict[str, float]:
    return three(full_scale(read(output)), full_scale(read(sharp)))


def dpdd8(output: Path, sharp: Path) -> dict[str, float]:
    first = np.clip(full_scale(read(output)).astype(np.float32), 0, 1)
    return three(first, eight_bit(sharp).astype(np.float32) / np.float32(255))


def dpdd8_crop16(output: Path, sharp: Path) -> dict[str, float]:
    first = full_scale(read(output)).astype(np.float32)
    second = eight_bit(sharp).astype(np.float32) / np.float32(255)
    height, width = (side // 16 * 16 for side in first.shape[:2])
    first, second = first[:height, :width], second[:height, :width]
    psnr = peak_signal_noise_ratio(second, first, data_range=1)
    return {"psnr": float(psnr), "ssim": three(first, second)["ssim"]}


def png8(output: Path, sharp: Path) -> dict[str, float]:
    written = np.clip(np.round(full_scale(read(output)) * 255), 0, 255).astype(np.uint8)
    first = written.astype(np.float32) / np.float32(255)
    return three(first, eight_bit(sharp).astype(np.float32) / np.float32(255))


def basicsr(output: Path, sharp: Path) -> dict[str, float]:
    """BasicSR's own loops: 8-bit pictures as float64 in [0, 255], 11 x 11 Gaussian, valid part."""
    first = np.round(full_scale(read(output)) * 255)
    second = eight_bit(sharp).astype(np.float64)
    kernel = cv2.getGaussianKernel(11, 1.5)
    window = np.outer(kernel, kernel.T)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.filter2D(values, -1, window))[5:-5, 5:-5]

    channels = []
    for c in range(3):
        a, b = first[..., c], second[..., c]
        mu_a, mu_b = mean(a), mean(b)
        var_a, var_b = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2
        cov = mean(a * b) - mu_a * mu_b
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        above = (2 * mu_a * mu_b + c1) * (2 * cov + c2)
        channels.append(
            (above / ((mu_a**2 + mu_b**2 + c1) * (var_a + var_b + c2))).mean()
        )
    error = np.mean((first - second) ** 2)
    return {
        "psnr": float(10 * np.log10(255**2 / error)),
        "ssim": float(np.mean(channels)),
    }


def defocus_v1(output: Path, sharp: Path) -> dict[str, float]:
    first, second = full_scale(read(output)), full_scale(read(sharp))
    gaussian = structural_similarity(
        second,
        first,
        data_range=1,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return {**three(np.clip(first, 0, 1), second), "ssim_gaussian": float(gaussian)}


def pyiqa(output: Path, sharp: Path) -> dict[str, float]:
    """The package's steps: luma of 8 bits, terms of contrast below 0 as 0, 1e-8 to the error."""
    first, second = (
        np.round(full_scale(read(output)) * 255) / 255,
        eight_bit(sharp) / 255.0,
    )
    error = np.mean((np.clip(first, 0, 1) - second) ** 2) + 1e-8
    codes = [np.rint(np.clip(p, 0, 1) * 255) for p in (first, second)]
    luma = [np.rint(p @ [114.0, 587.0, 299.0] / 1000) for p in codes]
    mean = partial(gaussian_filter, sigma=1.5, truncate=10 / 3)
    (a, b), (aa, bb, ab) = (
        map(mean, luma),
        map(mean, (luma[0] ** 2, luma[1] ** 2, luma[0] * luma[1])),
    )
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    contrast = (2 * (ab - a * b) + two) / (aa - a * a + bb - b * b + two)
    similarity = np.maximum(contrast, 0) * (2 * a * b + one) / (a * a + b * b + one)
    return {
        "psnr": float(-10 * np.log10(error)),
        "ssim": float(similarity[5:-5, 5:-5].mean()),
    }


RECIPES = {
    "dpdd16": dpdd16,
    "dpdd8": dpdd8,
    "dpdd8-crop16": dpdd8_crop16,
    "png8": png8,
    "basicsr": basicsr,
    "pyiqa": pyiqa,
    "defocus-v1": defocus_v1,
}
