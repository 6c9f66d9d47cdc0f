"""Fuse focus stacks into a dataset: every frame with the picture that is in focus everywhere.

The frames stay unchanged; ``fusion.json`` has place, reference, comparison."""

import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import Registration, register
from defocus.align.sampling.pyramid import factor_for, scaling
from defocus.align.sampling.resample import luminance_view
from defocus.datasets.deriving.maker import (
    Derivation,
    claim_folder,
    kept_record,
    make_dataset,
    place_file,
)
from defocus.datasets.pair import Dataset, MakingStep, Pair, step
from defocus.datasets.pair_files import legal_id, pair_contents
from defocus.datasets.readers.stack import Stack, find_stacks
from defocus.errors import DatasetError
from defocus.extras.stacks.fusion import Fusion, fused
from defocus.extras.stacks.placing import (
    REGISTRATION_SIDE,
    PlacedFrame,
    frame_views,
    place_frames,
    placed_frame,
    warped,
)
from defocus.pictures import picture_name
from defocus.pictures.carried import give_blocks
from defocus.pictures.read import read_image
from defocus.pictures.values import (
    Image,
    as_float,
    as_integer,
    bit_depth,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.pictures.write import write_float_tiff, write_image
from defocus.processes.isolation import LeftOut, attempt
from defocus.processes.machines import Where
from defocus.progress import say
from defocus.reading import intact, read_json
from defocus.storage.files import write_json

Array = NDArray[np.float32]

PARTS = "stacks"
RECORD = "fusion.json"
PICTURE = picture_name("all-in-focus")
FUSING_REVISION = 1
"""Revision of fused pictures. Raise it when their pixels change."""
CONFIDENT = 0.5
BORDER_PX = 8
"""Width of the border that is left out of the comparison, px: a warped picture has nothing to
interpolate from there."""


@dataclass(frozen=True)
class FusedStack:
    """A fused stack."""

    name: str
    picture: Path  # the picture in focus everywhere
    frames: int  # number of fused frames
    left_out: int  # number of frames that could not be placed
    reference: str  # name of the frame whose geometry the picture has
    confident_share: (
        float  # share of the picture where the frames differ clearly in their detail
    )
    merged: (
        str  # name of the picture that another program merged; empty if there is none
    )
    # PSNR of ours against it, registered and with its exposure, over all that both show
    psnr_db: float | None
    best_frame_db: float | None  # the same for the best single frame


def fuse_stacks(
    dataset: Dataset,
    out: Path,
    position: int | None = None,
    where: Where = 1,
) -> tuple[list[FusedStack], tuple[LeftOut, ...]]:
    """Fuse the stacks of a dataset (reader ``stack``), write the new one; return what is left out.

    ``position``, from 1, is of the frame whose geometry the result has; None for the middle."""
    stacks, unlisted = find_stacks(dataset.root)
    named = _by_folder(stacks)
    contents = _contents(dataset, named)
    order = {
        "content_hash": dataset.content_hash,
        "pairs": contents,
        "position": position,
        "revision": FUSING_REVISION,
    }
    folder = out / PARTS
    _remove_outdated(out, named, contents, order)

    def fused_stacks() -> list[FusedStack]:
        made = {name: folder / name for name in named if (folder / name).is_dir()}
        return [_fused_stack(named[name], place) for name, place in made.items()]

    def fusing(_pairs: tuple[Pair, ...]) -> MakingStep:
        return step(
            "fuse",
            stacks=len(stacks),
            reference="middle" if position is None else position,
            left_out=sum(one.left_out for one in fused_stacks()),
        )

    how = Derivation(
        "fuse",
        order,
        named,
        partial(_write, position=position),
        partial(_pairs, pairs_by_file={pair.blurry: pair for pair in dataset.pairs}),
        title="fusing",
        origin=str(dataset.root),
        thing="stack",
        parts=PARTS,
        step=fusing,
    )
    making = make_dataset(out, how, where)
    failed = {one.id: replace(one, id=named[one.id].name) for one in making.left_out}
    unread: list[LeftOut] = []
    for name, stack in named.items():
        if name not in failed:
            unread += _unread(stack, folder / name)
    unhashed = (one for one in dataset.left_out if one not in unlisted)
    return fused_stacks(), (*unlisted, *failed.values(), *unhashed, *unread)


def _remove_outdated(
    out: Path,
    named: Mapping[str, Stack],
    contents: Mapping[str, Mapping[str, str]],
    order: Mapping[str, Any],
) -> None:
    """Remove the stacks that are fused again, as other frames of theirs can be read now."""
    folder = out / PARTS
    mended = [name for name, stack in named.items() if _is_mended(stack, folder / name)]
    mended += [name for name in _completed(out, contents) if name not in mended]
    claim_folder(out, "fuse", order, (PARTS,), mended)
    for name in mended:
        shutil.rmtree(folder / name)


def _contents(
    dataset: Dataset,
    stacks: Mapping[str, Stack],
) -> dict[str, dict[str, str]]:
    """Content of the pairs of each stack, by the name of its new folder."""
    contents = pair_contents(dataset)
    ids = {pair.blurry: pair.id for pair in dataset.pairs}
    hashes = {}
    for name, stack in stacks.items():
        known = [ids[frame] for frame in stack.frames if frame in ids]
        hashes[name] = {pair_id: contents[pair_id] for pair_id in known}
    return hashes


def _completed(out: Path, contents: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Stacks that were fused without a frame that could not be read then, and is a pair now."""
    record = out / "fuse.json"
    if not record.is_file():
        return
    with intact(record, "choose another folder for --out", DatasetError):
        before = read_json(record)["pairs"]
        for name, pairs in contents.items():
            is_made = name in before and (out / PARTS / name).is_dir()
            if is_made and before[name].items() < pairs.items():
                yield name


def _is_mended(stack: Stack, folder: Path) -> bool:
    """Whether a stack was fused without frames that can be read now, or are no longer there."""
    if not (folder / RECORD).is_file():
        return False
    unread = set(kept_record(folder / RECORD).get("unread", {}))
    if not unread:
        return False
    gone = unread - {path.name for path in stack.frames}
    views, _ = frame_views(stack.frames)
    readable = unread & {one.path.name for one in views}
    return bool(gone or readable)


def _unread(stack: Stack, folder: Path) -> Iterator[LeftOut]:
    for name, reason in kept_record(folder / RECORD).get("unread", {}).items():
        yield LeftOut(f"{stack.name}/{name}", reason)


def _by_folder(stacks: Iterable[Stack]) -> dict[str, Stack]:
    """The stacks by the name of their new folder; 'a/b' and 'a-b' share one, and are refused."""
    named: dict[str, Stack] = {}
    for stack in stacks:
        other = named.setdefault(legal_id(stack.name.replace("/", "-")), stack)
        if other is not stack:
            raise DatasetError(
                f"{stack.name} and {other.name} get one name; rename one of them"
            )
    return named


def _pairs(
    stack: Stack,
    folder: Path,
    pairs_by_file: dict[Path, Pair],
) -> Iterator[Pair]:
    placed = {one["file"] for one in kept_record(folder / RECORD)["frames"]}
    for frame in stack.frames:
        if frame.name not in placed:
            continue
        pair = pairs_by_file.get(frame)
        # its merged picture cannot be read, which the opened dataset names
        if pair is None:
            continue
        place = {
            **cast(dict[str, object], pair.metadata["focus_stack"]),
            "sharp": "fused",
        }
        yield replace(
            pair,
            blurry=folder / frame.name,
            sharp=folder / PICTURE,
            metadata=MappingProxyType({**pair.metadata, "focus_stack": place}),
        )


def _fused_stack(stack: Stack, folder: Path) -> FusedStack:
    record = kept_record(folder / RECORD)
    compared = record["compared"] or {}
    return FusedStack(
        stack.name,
        folder / PICTURE,
        len(record["frames"]),
        len(record["left_out"]),
        record["reference"],
        record["confident_share"],
        compared.get("with", ""),
        compared.get("psnr_db"),
        compared.get("best_frame_db"),
    )


def _reference(stack: Stack, frames: Sequence[Path], position: int | None) -> int:
    """Index of the reference among frames that can be read: the one asked for, or the middle."""
    if position is None:
        return (len(frames) - 1) // 2
    if position > len(stack.frames):
        raise DatasetError(
            f"{stack.name}: has {len(stack.frames)} frames, not {position}"
        )
    wanted = stack.frames[position - 1]
    if wanted not in frames:
        raise DatasetError(
            f"{wanted}: the reference cannot be read; choose another --reference"
        )
    return frames.index(wanted)


def _write(stack: Stack, folder: Path, position: int | None) -> None:
    """Write the folder of a stack."""
    views, unread = frame_views(stack.frames)
    if len(views) < 2:
        raise DatasetError(next(iter(unread.values())))
    readable = [one.path for one in views]
    reference = _reference(stack, readable, position)
    first = read_image(readable[reference], views[reference].white)
    placed, left_out = place_frames(views, reference)
    for path, reason in left_out.items():
        say(f"{path} is left out, it cannot be placed beside its neighbours: {reason}")

    def frames() -> Iterator[tuple[Array, NDArray[np.bool_]]]:
        for one in placed:
            yield placed_frame(one, first.shape)

    fusion = fused(frames)
    picture = as_integer(fusion.picture, bit_depth(first))
    write_image(folder / PICTURE, picture)
    give_blocks(readable[reference], folder / PICTURE)
    _write_confidence(folder, fusion)
    compared = None
    if stack.merged is not None:
        compared = _compared_or_why_not(picture, stack.merged, frames())
    for one in placed:
        place_file(one.path, folder / one.path.name)
    confident = fusion.confidence >= CONFIDENT
    record: dict[str, Any] = {
        "frames": [_frame_facts(one) for one in placed],
        "left_out": {path.name: reason for path, reason in left_out.items()},
        "unread": {path.name: reason for path, reason in unread.items()},
        "reference": readable[reference].name,
        "confident_share": float(confident.mean()),
        "compared": compared,
    }
    write_json(folder / RECORD, record)


def _frame_facts(frame: PlacedFrame) -> dict[str, Any]:
    """Where a frame lies beside the reference, and how bright it is."""
    return {
        "file": frame.path.name,
        "matrix": frame.matrix.tolist(),
        "gain": frame.gain,
    }


def _compared_or_why_not(
    picture: Image,
    merged: Path,
    frames: Iterator[tuple[Array, NDArray[np.bool_]]],
) -> dict[str, Any]:
    """The comparison with a picture that another program merged, or why it cannot be read."""
    compared = attempt(merged.name, partial(_compared, picture, merged, frames))
    if isinstance(compared, LeftOut):
        return {"with": merged.name, "reason": compared.reason}
    return compared


def _write_confidence(folder: Path, fusion: Fusion) -> None:
    write_float_tiff(folder / "confidence.tif", fusion.confidence)
    write_image(folder / picture_name("confidence"), as_integer(fusion.confidence, 8))


def _compared(
    picture: Image,
    merged: Path,
    frames: Iterator[tuple[Array, NDArray[np.bool_]]],
) -> dict[str, Any]:
    """PSNR, dB, of the fused picture and of the best frame against the merged one."""
    other = read_image(merged)
    if other.shape != picture.shape:
        return {"with": merged.name, "reason": "it has another size"}
    registration, matrix = _onto_picture(picture, other)
    if matrix is None or registration.similarity is None:
        return {"with": merged.name, "reason": registration.reason}
    wanted, seen = _on_grid(picture, other, matrix)
    true = wanted[seen]
    own = np.asarray(as_float(picture), np.float32)[seen]
    gain = _mean_light(true) / max(_mean_light(own), 1e-6)
    of_frames = [_psnr_db(frame[seen], true, gain) for frame, _ in frames]
    similarity = registration.similarity
    return {
        "with": merged.name,
        "shift_px": list(similarity.shift_px),
        "zoom": similarity.zoom,
        "gain": gain,
        "psnr_db": _psnr_db(own, true, gain),
        "best_frame_db": max(of_frames),
    }


def _onto_picture(
    picture: Image,
    other: Image,
) -> tuple[Registration, NDArray[np.float64] | None]:
    """The registration of another picture at a reduced size, and its transform at full size."""
    factor = factor_for(picture.shape, REGISTRATION_SIDE)
    small_picture = luminance_view(picture, factor)
    registration = register(small_picture, luminance_view(other, factor))
    if registration.matrix is None:
        return registration, None
    scale = scaling(factor)
    return registration, np.linalg.inv(scale) @ registration.matrix @ scale


def _mean_light(encoded: Array) -> float:
    return float(srgb_to_linear(encoded).mean())


def _on_grid(
    picture: Image,
    other: Image,
    matrix: NDArray[np.float64],
) -> tuple[Array, NDArray[np.bool_]]:
    """The merged picture on the fused one's grid, and where it can be compared."""
    wanted = warped(np.asarray(as_float(other), np.float32), matrix, picture.shape)
    ones = np.ones(picture.shape[:2], np.float32)
    seen = warped(ones, matrix, picture.shape, cv2.BORDER_CONSTANT) > 0.999
    inner = np.zeros_like(seen)
    inner[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = True
    seen &= inner
    return wanted, seen


def _psnr_db(
    one: Array,
    other: Array,
    gain: float,
) -> float:
    """PSNR, dB, of encoded values, once the first picture has the exposure of the other."""
    exposed = linear_to_srgb(np.clip(srgb_to_linear(one) * gain, 0.0, 1.0))
    error = float(np.mean((exposed - other).astype(np.float64) ** 2))
    return -10 * math.log10(max(error, 1e-12))
