"""Rows of the table: classical systems with the true kernel, networks plain and at scales."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft

import defocus.baselines.operators
import defocus.blur
import defocus.restoration
import defocus.restoration.guard
from defocus.baselines.operators.chain import edgetaper
from defocus.baselines.operators.deconvolution import richardson_lucy
from defocus.baselines.operators.domain import Domain, Periodic, fade_to_blurry
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.systems.richardson_lucy.network import ITERATIONS
from defocus.baselines.systems.wiener import network as wiener
from defocus.baselines.weights.store import StoredWeights, all_weights, shipped_weights
from defocus.errors import InputError
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import say
from defocus.restoration.guard.guard import guarded
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer, restorer_of
from research.light import Array, single
from research.native_size.cases import Given
from research.pages.weights import shipped

Channel = NDArray[np.floating[Any]]
Deconvolution = Callable[[Channel, Array, Domain], Channel]
"""Function that deconvolves a channel of linear light ``(H, W)`` with a kernel."""

SOURCES = (".py", ".safetensors")
"""Suffixes of files that decide on a restored picture."""
AROUND = (
    "blur_map_files.py",
    "cli.py",
    "command.py",
    "journal.py",
    "run.py",
    "settings.py",
    "stages.py",
)
"""Modules of the restoration that do not decide on it: they are about files and options."""


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    restore: Callable[[Given], Array]
    content: str  # SHA-256 of code and weights, in hexadecimal
    needs_kernel: bool = False  # whether it restores only where one kernel is true


def classical_rows() -> list[Row]:
    """Deconvolution with the true kernel, with the settings of our systems of these names."""
    content = _digest([_folder(defocus.baselines.operators)])
    methods = {"wiener": wiener.deconvolve, "richardson-lucy": _richardson_lucy}
    rows = []
    for name, method in methods.items():
        restore = partial(_deconvolved, method)
        rows.append(
            Row(
                f"{name}, true kernel",
                restore,
                content,
                needs_kernel=True,
            )
        )
    return rows


def _richardson_lucy(
    channel: Channel,
    psf: Array,
    domain: Domain,
) -> Channel:
    return richardson_lucy(channel, psf, ITERATIONS, domain, accelerated=True)


def _deconvolved(method: Deconvolution, given: Given) -> Array:
    """Deconvolve each colour; what is saturated stays blurry, as in our systems."""
    if given.kernel is None:
        raise InputError("no one kernel is true here")
    linear = srgb_to_linear(given.blurry)
    restored = np.empty_like(linear)
    for colour, psf in enumerate(given.kernel):
        channel = linear[:, :, colour]
        restored[:, :, colour] = _in_border(method, channel, psf)
    stored = single(np.clip(linear_to_srgb(restored), 0, 1))
    diameters = np.full(stored.shape[:2], given.diameter_px)
    return fade_to_blurry(stored, given.blurry, diameters)


def _in_border(
    method: Deconvolution,
    channel: Array,
    psf: Array,
) -> Channel:
    """Deconvolve a channel with its mirror image around it, as wide as the kernel."""
    height, width = channel.shape
    border = len(psf)
    rows = fft.next_fast_len(height + 2 * border, real=True)
    columns = fft.next_fast_len(width + 2 * border, real=True)
    above_below = (border, rows - height - border)
    left_right = (border, columns - width - border)
    wide = np.pad(channel, (above_below, left_right), mode="symmetric")
    scene = method(edgetaper(wide, psf), psf, Periodic((rows, columns)))
    inner = slice(border, border + height)
    return scene[inner, border : border + width]


def network_rows(names: Sequence[str]) -> list[Row]:
    """Two rows for each system: the network at the whole size, and at the scales of the blur."""
    rows: list[Row] = []
    for stored in _weights(names):
        both = attempt(stored.system, partial(_rows_of, stored))
        if isinstance(both, LeftOut):
            _say_left_out(stored, both.reason)
        else:
            rows += both
    return rows


def _weights(names: Sequence[str]) -> Iterator[StoredWeights]:
    """The weights of some systems; without a name, all shipped and official ones."""
    for name in names or shipped():
        own = shipped_weights(baseline(name))
        if own is not None:
            yield own
    added, _ = all_weights()
    for one in added:
        if one.origin != "official" or (names and one.system not in names):
            continue
        if one.system in all_baselines():
            yield one
        else:
            _say_left_out(one, "no such system here")


def _say_left_out(stored: StoredWeights, reason: str) -> None:
    say(f"{stored.system} ({stored.label}) is left out: {reason}", error=True)


def _rows_of(stored: StoredWeights) -> list[Row]:
    """Our systems have the guard, as ``defocus-restore`` does; others are as published."""
    system = baseline(stored.system)
    restorer = restorer_of(system, stored, None, torch.device("cpu"))
    own = stored.origin == "own"
    if own:
        plain_name = f"{stored.system} plain"
        scaled_name = stored.system
    else:
        plain_name = f"{stored.system} ({stored.label})"
        scaled_name = f"{plain_name}@scales"
    identity = f"{system.identity()} {stored.sha256}"
    at_whole_size, at_scales = _sources()
    plain = partial(_plain, restorer, own)
    scaled = partial(_scaled, restorer, own)
    return [
        Row(plain_name, plain, _digest(at_whole_size, identity)),
        Row(scaled_name, scaled, _digest(at_scales, identity)),
    ]


def _sources() -> tuple[list[Path], list[Path]]:
    """The code that restores at one scale, and at all."""
    restoration = _folder(defocus.restoration)
    guard = _folder(defocus.restoration.guard)
    blur = _folder(defocus.blur)
    alone = [restoration / "restorer.py", guard, *sorted(blur.glob("learned*"))]
    modules = sorted(restoration.glob("*.py"))
    whole = [path for path in modules if path.name not in AROUND]
    return alone, [*whole, guard, blur]


def _plain(restorer: Restorer, guard: bool, given: Given) -> Array:
    """The network at the whole size alone."""
    restored, _ = restorer.restored(given.blurry)
    if guard:
        restored = guarded(given.blurry, restored, given.blur_map).restored
    return single(np.clip(restored, 0, 1))


def _scaled(restorer: Restorer, guard: bool, given: Given) -> Array:
    """Restore as ``defocus-restore`` does."""
    return restore_colours(restorer, given.blurry, given.blur_map, guard=guard).restored


def _folder(package: ModuleType) -> Path:
    return Path(package.__path__[0])


def _digest(places: Iterable[Path], words: str = "") -> str:
    """SHA-256 of files and folders, and of some words."""
    digest = hashlib.sha256(words.encode())
    for place in places:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.suffix in SOURCES:
                digest.update(file.name.encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
