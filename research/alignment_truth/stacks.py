"""Real focus stacks: each frame against the merged picture, before and after alignment.

The merged picture comes from another program; it is a reference, not ground truth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.tile_shifts import tile_shifts
from defocus.align.sampling.positions import inside, pixel_grid, sampled
from defocus.align.sampling.pyramid import reduced
from defocus.errors import DatasetError
from defocus.pictures.read import IMAGE_SUFFIXES, read_pair
from defocus.pictures.values import FloatImage, as_float, linear_to_srgb, srgb_to_linear
from research.alignment_truth.methods import Members, answers
from research.light import Array, Mask, single

MERGED = "expected.jpg"
REDUCTION = 2
"""Factor by which frames are reduced before they are compared."""

DETAIL_SIGMA_PX = 8.0
IN_FOCUS = 0.7
"""Share of the merged picture's local detail from which a frame is in focus at a place."""
DETAIL = 0.01
"""Root mean square of the Laplacian below which a place says nothing about focus."""

TILE_PX = 96
TILE_SPACING_PX = 48
TILE_BAND = 0.12
TILE_IN_FOCUS = 0.5


@dataclass(frozen=True)
class StackScore:
    """Score of one method on one frame."""

    psnr_db: float  # of the aligned merged picture, over all that both show
    in_focus_db: float | None  # inside the region in focus
    residual_px: float | None  # median shift that remains of the tiles in focus


@dataclass(frozen=True)
class FrameScore:
    """Scores of all methods on one frame."""

    stack: str  # name of its folder
    frame: str  # name of its file
    in_focus_share: float
    scores: Mapping[str, StackScore | None]  # None if a method gave no answer


def stack_frames(folder: Path) -> list[tuple[Path, Path]]:
    """The frames of all stacks in a folder, each with the merged picture of its stack."""
    candidates = [folder, *sorted(folder.iterdir())] if folder.is_dir() else []
    frames = []
    for stack in candidates:
        merged = stack / MERGED
        if not merged.is_file():
            continue
        for frame in sorted(stack.iterdir()):
            if frame.suffix.lower() in IMAGE_SUFFIXES and frame.name != MERGED:
                pair = (frame, merged)
                frames.append(pair)
    if not frames:
        raise DatasetError(
            f"{folder}: no focus stack there; a stack is a folder of frames with {MERGED}"
        )
    return frames


def score_frame(frame: Path, merged: Path, names: Sequence[str]) -> FrameScore:
    """Align the merged picture with a frame by every method, and score each."""
    members = Members(*map(_half, read_pair(frame, merged)))
    flows = {name: answer.flow for name, answer, _ in answers(members, names)}
    aligned = {
        name: _aligned(members, flow)
        for name, flow in flows.items()
        if flow is not None
    }
    seen = np.logical_and.reduce([shown for _, shown in aligned.values()])
    moved = [picture for name, (picture, _) in aligned.items() if name != "zero flow"]
    focus = seen & np.logical_and.reduce(
        [in_focus(members.blurry, one) for one in moved]
    )
    scores = {
        name: _score(members.blurry, *aligned[name], focus) if name in aligned else None
        for name in names
    }
    return FrameScore(frame.parent.name, frame.name, float(focus.mean()), scores)


def _half(picture: NDArray[np.unsignedinteger]) -> Array:
    linear = srgb_to_linear(as_float(picture)).astype(np.float32)
    return _encoded(reduced(linear, REDUCTION))


def _encoded(linear: FloatImage) -> Array:
    return single(linear_to_srgb(np.clip(linear, 0, 1)))


def _aligned(members: Members, flow: Array) -> tuple[Array, Mask]:
    """The merged picture on the frame's grid, and its valid area."""
    places = pixel_grid(*flow.shape[1:]) + flow
    moved = sampled(members.linear[1], places, cubic=True)
    return _encoded(moved), inside(places)


def in_focus(frame: Array, aligned: Array) -> Mask:
    """Where the frame has the detail of the merged picture, by local energies."""
    own = _detail(frame)
    best = _detail(aligned)
    return np.asarray((best > DETAIL) & (own > IN_FOCUS * best))


def _detail(picture: Array) -> Array:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), -1)
    return np.sqrt(cv2.GaussianBlur(edges * edges, (0, 0), DETAIL_SIGMA_PX))


def _score(frame: Array, aligned: Array, shown: Mask, focus: Mask) -> StackScore:
    whole = _psnr_db(frame, aligned, shown)
    if whole is None:
        return StackScore(0.0, None, None)
    return StackScore(
        whole,
        _psnr_db(frame, aligned, focus),
        _residual_px(frame, aligned, focus),
    )


def _psnr_db(frame: Array, aligned: Array, mask: Mask) -> float | None:
    if not mask.any():
        return None
    difference = (frame[mask] - aligned[mask]).astype(np.float64)
    error = float(np.mean(difference**2))
    return -10 * math.log10(max(error, 1e-12))


def _residual_px(frame: Array, aligned: Array, focus: Mask) -> float | None:
    height, width = focus.shape
    rows = max(1, height // TILE_SPACING_PX)
    grid = rows, max(1, width // TILE_SPACING_PX)
    pair = Members(frame, aligned)
    shifts = tile_shifts(*pair.grey, (TILE_PX, TILE_PX), grid, TILE_BAND)
    share = cv2.blur(focus.astype(np.float32), (TILE_PX, TILE_PX))
    column, row = np.floor(shifts.centres).astype(int).T
    usable = (share[row, column] >= TILE_IN_FOCUS) & (
        shifts.peaks > 2 * shifts.noise_peak
    )
    lengths = np.hypot(*shifts.shifts[usable].T)
    return float(np.median(lengths)) if lengths.size else None


def stack_means(
    frames: Sequence[FrameScore],
) -> dict[str, dict[str, float | int | None]]:
    """For each method, the number of answered frames and means over those that all answered."""
    names = list(dict.fromkeys(name for frame in frames for name in frame.scores))
    common = [frame for frame in frames if all(map(frame.scores.get, names))]
    result: dict[str, dict[str, float | int | None]] = {}
    for name in names:
        scores = [
            score for frame in common if (score := frame.scores[name]) is not None
        ]
        fields = {}
        for field in ("psnr_db", "in_focus_db", "residual_px"):
            fields[field] = _mean([getattr(score, field) for score in scores])
        result[name] = {
            "frames": len(frames),
            "answered": sum(frame.scores.get(name) is not None for frame in frames),
            "compared": len(common),
            **fields,
        }
    return result


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return float(np.mean(measured)) if measured else None
