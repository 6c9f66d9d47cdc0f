"""Richardson-Lucy deconvolution, plain and accelerated."""

import numpy as np

from defocus.baselines.operators.classical.deconvolution.domain import (
    Array,
    Domain,
    Spectrum,
    in_precision,
)

__all__ = ["richardson_lucy"]

LEAST = 1e-6
"""No light is less than this; the method divides by it."""


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
    transfer = _both(domain.transfer(psf), seen)
    scene = seen if start is None else start
    work = _accelerated if accelerated else _plain
    return work(scene, seen, transfer, iterations, domain)


Both = tuple[Spectrum, Spectrum]
"""A transfer, and the conjugate that its adjoint multiplies by."""


def _both(transfer: Spectrum, values: Array) -> Both:
    """In the precision of the values, once for all steps."""
    precise = in_precision(transfer, values)
    return precise, np.conj(precise)


def _plain(scene: Array, seen: Array, transfer: Both, iterations: int, domain: Domain) -> Array:
    for _ in range(iterations):
        scene = _step(scene, seen, transfer, domain)
    return scene


def _accelerated(
    scene: Array, seen: Array, transfer: Both, iterations: int, domain: Domain
) -> Array:
    before, changes = scene, [np.zeros_like(scene), np.zeros_like(scene)]
    for number in range(iterations):
        share = _agreement(*changes) if number > 1 else 0.0
        ahead = np.maximum(scene + share * (scene - before), 0.0, dtype=scene.dtype)
        before, scene = scene, _step(ahead, seen, transfer, domain)
        changes = [scene - ahead, changes[0]]
    return scene


def _agreement(last: Array, earlier: Array) -> float:
    """How far the last change goes along the one before it, in [0, 1]."""
    along = float(np.vdot(last, earlier))
    return min(max(along / max(float(np.vdot(earlier, earlier)), 1e-30), 0.0), 1.0)


def _step(scene: Array, seen: Array, transfer: Both, domain: Domain) -> Array:
    spectrum = domain.forward(scene)
    spectrum *= transfer[0]
    ratio = domain.inverse(spectrum)
    np.maximum(ratio, LEAST, out=ratio)
    np.divide(seen, ratio, out=ratio)
    spectrum = domain.forward(ratio, spent=True)
    spectrum *= transfer[1]
    found = domain.inverse(spectrum)
    np.maximum(found, 0.0, out=found)  # rounding of the transform
    found *= scene
    return found
