"""Learn the dictionary of JNB's map: ``python -m research.learning.jnb``.

From scikit-image's pictures that no test scene shows, behind Gaussians of 0 to 4 px."""

import argparse

import cv2
import numpy as np
from safetensors.numpy import save
from scipy.optimize import isotonic_regression

from defocus.baselines.systems.jnb.network import (
    LEARNED,
    atoms_needed,
    code,
    patches_of,
    smoothed,
)
from defocus.pictures.values import linear_to_srgb
from defocus.progress import track
from defocus.scene.pictures import texture
from defocus.storage.files import write_bytes
from research.light import Array, Matrix, single

PICTURES = (
    "astronaut",
    "brick",
    "camera",
    "grass",
    "immunohistochemistry",
    "page",
    "rocket",
)
SIZE = (384, 384)
ATOMS, SPARSITY, ROUNDS, PATCHES = 128, 8, 30, 20_000
BLUR_PX = 2.0
LEAST_VARIANCE = 25.0
SIGMAS_PX = np.arange(0, 4.25, 0.25)


def main() -> None:
    """Learn both and write them beside this file."""
    dictionary = learned_dictionary()
    content = {
        "dictionary": dictionary,
        "atoms": learned_curve(dictionary).astype(np.float32),
        "sigma_px": SIGMAS_PX.astype(np.float32),
    }
    write_bytes(LEARNED, save(content))


def learned_dictionary() -> Array:
    """``(128, 64)``: unit atoms."""
    rng = np.random.default_rng(0)
    of_pictures = []
    for name in PICTURES:
        green = _blurred(name, BLUR_PX)[:, :, 1]
        patches, _ = patches_of(green * 255)
        of_pictures.append(patches)
    patches = np.concatenate(of_pictures)
    patches = patches[patches.var(axis=1) > LEAST_VARIANCE]
    learned_from = rng.choice(len(patches), PATCHES, replace=False)
    patches = patches[learned_from]
    first = rng.choice(len(patches), ATOMS, replace=False)
    atoms = _unit(patches[first])
    for _ in track(range(ROUNDS), "learning the dictionary"):
        atoms = _round(patches, atoms)
    return atoms


def _round(patches: Array, atoms: Array) -> Array:
    """Code patches, then fit each atom to what the others leave; unused ones are drawn again."""
    weights = _coded(patches, atoms)
    rest = patches - weights @ atoms
    fitted = atoms.copy()
    for index in range(ATOMS):
        users = weights[:, index] != 0
        if not users.any():
            worst = int(np.einsum("np,np->n", rest, rest).argmax())
            drawn = patches[worst]
            fitted[index] = drawn / np.linalg.norm(drawn)
            rest[worst] = 0
            continue
        used = weights[users, index]
        own = rest[users] + np.outer(used, fitted[index])
        fitted[index] = _unit((used @ own)[None])[0]
        weights[users, index] = own @ fitted[index]
        rest[users] = own - np.outer(weights[users, index], fitted[index])
    return fitted


def _coded(patches: Array, atoms: Array) -> Array:
    """Weight of each atom in each patch."""
    counts = np.zeros(len(patches), np.int32)
    chosen = np.zeros((len(patches), SPARSITY), np.int32)
    values = np.zeros((len(patches), SPARSITY), np.float32)
    energies = np.einsum("np,np->n", patches, patches)
    products = patches @ atoms.T
    overlaps = atoms @ atoms.T
    code(products, energies, overlaps, 1.0, counts, chosen, values)
    weights = np.zeros((len(patches), ATOMS), np.float32)
    for k in range(SPARSITY):
        used = counts > k
        atom = chosen[used, k]
        weights[used, atom] = values[used, k]
    return weights


def learned_curve(dictionary: Array) -> Matrix:
    """The count for each of :data:`SIGMAS_PX`, falling."""
    medians = []
    for sigma in track(SIGMAS_PX, "learning the curve"):
        counts = []
        for name in PICTURES:
            picture = _blurred(name, float(sigma))
            needed = atoms_needed(picture, dictionary)
            counts.append(smoothed(needed, picture).ravel())
        every_count = np.concatenate(counts)
        medians.append(np.median(every_count))
    fitted: Matrix = isotonic_regression(medians, increasing=False).x
    return fitted


def _blurred(name: str, sigma_px: float) -> Array:
    light = single(texture(name, *SIZE))
    picture = linear_to_srgb(light)
    if sigma_px == 0:
        return np.asarray(picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px))


def _unit(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
