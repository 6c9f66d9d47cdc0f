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
from defocus.pictures.values import as_linear
from research.alignment_truth.methods import Members, answers
from research.alignment_truth.score import mean_of_known
from research.light import Array, Mask, encoded

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


def score_frame(
    frame: Path,
    merged: Path,
    names: Sequence[str],
) -> FrameScore:
    """Align the merged picture with a frame by every method, and score each."""
    members = Members(*map(_half, read_pair(frame, merged)))
    aligned = {}
    for name, answer, _ in answers(members, names):
        if answer.flow is not None:
            aligned[name] = _aligned(members, answer.flow)
    focus = np.logical_and.reduce([shown for _, shown in aligned.values()])
    for name, (picture, _) in aligned.items():
        if name != "zero flow":
            focus = focus & in_focus(members.blurry, picture)
    scores: dict[str, StackScore | None] = dict.fromkeys(names)
    for name, (picture, shown) in aligned.items():
        scores[name] = _score(members.blurry, picture, shown, focus)
    share = float(focus.mean())
    return FrameScore(
        frame.parent.name,
        frame.name,
        share,
        scores,
    )


def _half(picture: NDArray[np.unsignedinteger]) -> Array:
    return encoded(reduced(as_linear(picture), REDUCTION))


def _aligned(members: Members, flow: Array) -> tuple[Array, Mask]:
    """The merged picture on the frame's grid, and its valid area."""
    places = pixel_grid(*flow.shape[1:]) + flow
    moved = sampled(members.linear[1], places, cubic=True)
    return encoded(moved), inside(places)


def in_focus(frame: Array, aligned: Array) -> Mask:
    """Where the frame has the detail of the merged picture, by local energies."""
    own = _detail(frame)
    best = _detail(aligned)
    return np.asarray((best > DETAIL) & (own > IN_FOCUS * best))


def _detail(picture: Array) -> Array:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    edges = cv2.Laplacian(smooth, -1)
    energy = cv2.GaussianBlur(edges * edges, (0, 0), DETAIL_SIGMA_PX)
    return np.sqrt(energy)


def _score(
    frame: Array,
    aligned: Array,
    shown: Mask,
    focus: Mask,
) -> StackScore:
    whole = _psnr_db(frame, aligned, shown)
    if whole is None:
        return StackScore(0.0, None, None)
    in_focus_db = _psnr_db(frame, aligned, focus)
    residual_px = _residual_px(frame, aligned, focus)
    return StackScore(whole, in_focus_db, residual_px)


def _psnr_db(frame: Array, aligned: Array, mask: Mask) -> float | None:
    if not mask.any():
        return None
    difference = (frame[mask] - aligned[mask]).astype(np.float64)
    error = float(np.mean(difference**2))
    return -10 * math.log10(max(error, 1e-12))


def _residual_px(
    frame: Array,
    aligned: Array,
    focus: Mask,
) -> float | None:
    """Median length of the shifts of tiles that are in focus and have a clear peak."""
    height, width = focus.shape
    rows = max(1, height // TILE_SPACING_PX)
    columns = max(1, width // TILE_SPACING_PX)
    tile = (TILE_PX, TILE_PX)
    grey = Members(frame, aligned).grey
    shifts = tile_shifts(*grey, tile, (rows, columns), TILE_BAND)
    share = cv2.blur(focus.astype(np.float32), tile)
    column, row = np.floor(shifts.centres).astype(int).T
    sharp = share[row, column] >= TILE_IN_FOCUS
    clear = shifts.peaks > 2 * shifts.noise_peak
    across, down = shifts.shifts[sharp & clear].T
    lengths = np.hypot(across, down)
    return float(np.median(lengths)) if lengths.size else None


def stack_means(
    frames: Sequence[FrameScore],
) -> dict[str, dict[str, float | int | None]]:
    """For each method, the number of answered frames and means over those that all answered."""
    names: dict[str, None] = {}
    for frame in frames:
        names |= dict.fromkeys(frame.scores)
    common = [frame for frame in frames if all(map(frame.scores.get, names))]
    means: dict[str, dict[str, float | int | None]] = {}
    for name in names:
        scores = _scores_of(name, common)
        means[name] = {
            "frames": len(frames),
            "answered": len(_scores_of(name, frames)),
            "compared": len(common),
            "psnr_db": mean_of_known(score.psnr_db for score in scores),
            "in_focus_db": mean_of_known(score.in_focus_db for score in scores),
            "residual_px": mean_of_known(score.residual_px for score in scores),
        }
    return means


def _scores_of(name: str, frames: Sequence[FrameScore]) -> list[StackScore]:
    """The scores of a method on the frames that it answered."""
    scores = [frame.scores.get(name) for frame in frames]
    return [score for score in scores if score is not None]
