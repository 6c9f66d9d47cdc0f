"""Deconvolution by Wiener, by Richardson-Lucy, and with total variation."""

from collections.abc import Iterable, Iterator

import numpy as np

from defocus.baselines.operators.domain import Array, Domain, Spectrum, in_precision
from defocus.baselines.operators.row_kernels import split_isotropic

LEAST = 1e-6
"""Least light in [0, 1], because the method divides by it."""


def richardson_lucy(
    blurry: Array,
    psf: Array,
    iterations: int,
    domain: Domain,
    *,
    accelerated: bool = False,
    start: Array | None = None,
) -> Array:
    """The most likely scene, in linear light, for photon noise, by steps x ← x · Kᵀ(y / Kx)."""
    # Accelerated, a step starts beyond the last result, by the share by which changes agree.
    # Source: Richardson (1972), Lucy (1974); Biggs and Andrews, Applied Optics 36 (1997).
    seen = np.maximum(blurry, LEAST, dtype=blurry.dtype)
    transfer = in_precision(domain.transfer(psf), seen)
    adjoint = np.conj(transfer)
    before = scene = seen if start is None else start
    changes = [np.zeros_like(scene), np.zeros_like(scene)]
    for number in range(iterations):
        share = _agreement(*changes) if accelerated and number > 1 else 0.0
        moved = scene + share * (scene - before)
        ahead = np.maximum(moved, 0.0, dtype=scene.dtype)
        before = scene
        scene = _step(ahead, seen, transfer, adjoint, domain)
        changes = [scene - ahead, changes[0]]
    return scene


def _agreement(last: Array, earlier: Array) -> float:
    """How far the last change goes along the one before it, in [0, 1]."""
    along = float(np.vdot(last, earlier))
    length = max(float(np.vdot(earlier, earlier)), 1e-30)
    return min(max(along / length, 0.0), 1.0)


def _step(
    scene: Array,
    seen: Array,
    transfer: Spectrum,
    adjoint: Spectrum,
    domain: Domain,
) -> Array:
    spectrum = domain.forward(scene)
    spectrum *= transfer
    ratio = domain.inverse(spectrum)
    np.maximum(ratio, LEAST, out=ratio)
    np.divide(seen, ratio, out=ratio)
    spectrum = domain.forward(ratio, spent=True)
    spectrum *= adjoint
    update = domain.inverse(spectrum)
    np.maximum(update, 0.0, out=update)  # rounding of the transform
    update *= scene
    return update


BETA = 10.0
MULTIPLIER_STEP = 1.618


def tvl2_levels(
    blurry: Array,
    transfers: Iterable[Spectrum],
    domain: Domain,
    *,
    weight: float,
    iterations: int,
) -> Iterator[Array]:
    """Minimise sum |grad x| + mu/2 |Kx - y|² for several kernels K; y is about [0, 1]."""
    # mu is about 0.05 over the variance of the noise. Source: Tao, Yang, He, SIAM J. Imaging
    # Sciences 2 (2009); penalty 10, multiplier step 1.618.
    data = domain.forward(blurry)
    ratio = blurry.dtype.type(BETA / weight)
    roughness = ratio * domain.roughness().astype(blurry.dtype)
    for transfer in transfers:
        kernel = transfer.astype(data.dtype)
        matched = np.conj(kernel) * data
        divisor = np.square(np.abs(kernel)) + roughness
        scene = blurry
        split = domain.gradient(scene)
        multipliers = np.zeros_like(blurry), np.zeros_like(blurry)
        for _ in range(iterations):
            gradient = domain.gradient(scene)
            split_isotropic(gradient, split, multipliers, BETA, MULTIPLIER_STEP)
            spectrum = domain.forward(domain.adjoint(*gradient), spent=True)
            spectrum *= ratio
            spectrum += matched
            spectrum /= divisor
            scene = domain.inverse(spectrum)
        yield scene


def wiener_gain(transfer: Spectrum, noise_to_signal: float) -> Spectrum:
    """conj(H) / (|H|² + K), which multiplies a transform; K is noise over scene power."""
    power = np.square(transfer.real)
    if np.iscomplexobj(transfer):
        power += np.square(transfer.imag)
    power += noise_to_signal
    gain = np.conj(transfer)
    gain *= np.reciprocal(power, out=power)  # a complex division takes twice as long
    return np.asarray(gain)


def wiener_levels(
    blurry: Array,
    transfers: Iterable[Spectrum],
    domain: Domain,
    *,
    noise_to_signal: float,
) -> Iterator[Array]:
    """The linear estimate of least mean squared error, scaled so that flat areas keep their value.

    It is for white noise and a white scene. Source: Wiener (1949).
    """
    data = domain.forward(blurry)
    for transfer in transfers:
        gain = wiener_gain(transfer, noise_to_signal) * (1 + noise_to_signal)
        yield domain.inverse(data * gain.astype(data.dtype))
