"""Restore pictures into a folder; finished ones are not repeated, unfinished ones not kept."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from defocus.baselines.card import Baseline
from defocus.benchmark.restore.encoding import write_picture
from defocus.benchmark.restore.metadata import read_metadata
from defocus.benchmark.restore.restorer import Restorer, make_restorer, require_restoring
from defocus.benchmark.restore.tiling import overlap_px, tiles_of
from defocus.benchmark.weights.store import StoredWeights, build_with
from defocus.errors import ImageError, InputError
from defocus.files import make_folder, sha256_file, write_json
from defocus.images import IMAGE_SUFFIXES, as_float, as_integer, bit_depth, read_image
from defocus.progress import say, track
from defocus.raw import RAW_SUFFIXES

__all__ = ["Restored", "restore_pictures"]

JOURNAL = "restored.json"


@dataclass(frozen=True)
class Restored:
    """Result for one picture.

    Attributes:
        image: Path of the picture as given.
        restored: Path of the restored picture.
        width, height: Size, px.
        bits: Bit depth of the picture, 8 or 16.
        tiles: Number of tiles; 1 is the whole picture at once.
        tile_px: Largest side of the tiles; 0 for the whole picture.
        tiling_difference: Largest change of a value in [0, 1] by tiling, in a part of the picture
            that was restored both ways; 0.0 without tiles.
        seconds: Seconds to restore it; 0.0 if it was restored before.
        reason: Why there is no restored picture; empty if there is one.
    """

    image: str
    restored: str
    width: int = 0
    height: int = 0
    bits: int = 0
    tiles: int = 0
    tile_px: int = 0
    tiling_difference: float = 0.0
    seconds: float = 0.0
    reason: str = ""

    @property
    def noticeable(self) -> float:
        """Whether tiling made a difference of at least half a 16-bit step; less is rounding."""
        return 0.5 / 65535

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-bench restore --json`` prints."""
        changed = self.tiling_difference > self.noticeable
        return {**asdict(self), "tiling_changes_result": changed}


def restore_pictures(
    images: Sequence[Path],
    system: Baseline,
    weights: StoredWeights | None,
    out: Path,
    tile_px: int | None,
    device: torch.device,
) -> list[Restored]:
    """Restore pictures of any size at their own bit depth, and keep their metadata.

    Args:
        images: The pictures to restore.
        system: The system to restore with.
        weights: Weights of the system; None where it has none.
        out: Folder for the restored pictures, which have the names of the images; RAW files become
            PNG of 16 bits.
        tile_px: Largest side of a tile; 0 for whole pictures; None chooses by the free memory.
        device: The device to restore on.

    Returns:
        One result per image; an unreadable image has a reason and does not stop the others.

    Raises:
        NotApplicableError: The system needs more than one picture.
        InputError: Two images would get the same name, or a file of that name exists.
        WeightsError: The weights are missing or damaged.
        StorageError: The disk is full or the folder is not writable.
    """
    require_restoring(system, weights)
    targets = _targets(images, out)
    network = build_with(system, weights) if weights else system.build().eval()
    settings = {
        **system.identity(),
        "weights": weights.sha256 if weights else "",
        "tile_px": tile_px,
    }
    journal = _Journal(make_folder(out), settings)
    journal.claim([target for target in targets if target is not None])
    restorer = make_restorer(network, tile_px, device)
    found = []
    for image, target in track(list(zip(images, targets, strict=True)), "restoring"):
        try:
            if target is None:
                kinds = ", ".join(sorted(IMAGE_SUFFIXES))
                raise ImageError(f"{image}: unknown kind of picture; known are {kinds}")
            source = sha256_file(image)
            done = journal.finished(target, source)
            if done is None:
                done = _restore_one(image, target, restorer)
                journal.finish(target, source, done)
        except (ImageError, FileNotFoundError, PermissionError) as error:
            text = _reason(image, error)
            say(text, error=True)
            done = Restored(str(image), "", reason=text)
        found.append(done)
    return found


def _reason(image: Path, error: Exception) -> str:
    """Why a picture could not be restored."""
    if isinstance(error, FileNotFoundError):
        return f"{image}: no such picture"
    if isinstance(error, PermissionError):
        return f"{image}: no permission to read it; change its mode or copy it"
    return str(error)


def _targets(images: Sequence[Path], out: Path) -> list[Path | None]:
    """Path of each restored picture; None for files of an unknown kind."""
    taken: dict[Path, Path] = {}
    targets: list[Path | None] = []
    for image in images:
        if image.is_dir():
            raise InputError(f"{image}: a folder; name the pictures in it, as {image / '*'}")
        suffix = image.suffix.lower()
        if suffix not in IMAGE_SUFFIXES:
            targets.append(None)
            continue
        name = image.with_suffix(".png").name if suffix in RAW_SUFFIXES else image.name
        target = out / name
        if target in taken:
            raise InputError(
                f"{taken[target]} and {image} would both become {target}; restore them into two "
                "folders"
            )
        if target.exists() and target.resolve() == image.resolve():
            raise InputError(f"{image} lies in --out; choose another folder")
        taken[target] = image
        targets.append(target)
    return targets


class _Journal:
    """``restored.json``: which files of the folder are ours, and how they were made."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._path = folder / JOURNAL
        self._settings = settings
        self._entries: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            try:
                document = json.loads(self._path.read_text(encoding="utf-8"))
                self._entries = {str(name): dict(entry) for name, entry in document.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{self._path}: damaged ({error}); move the folder away to start anew"
                ) from error

    def claim(self, targets: Sequence[Path]) -> None:
        """Record names before writing anything, so that a killed run recognises its own files."""
        for target in targets:
            if target.exists() and target.name not in self._entries:
                raise InputError(f"{target}: a file of that name exists; choose another --out")
        for target in targets:
            self._entries.setdefault(target.name, {})
        write_json(self._path, self._entries)

    def finished(self, target: Path, source: str) -> Restored | None:
        """The result of an earlier run for this picture and settings, if the file still exists."""
        entry = self._entries[target.name]
        same = entry.get("source_sha256") == source and entry.get("settings") == self._settings
        if not same or not target.exists() or sha256_file(target) != entry["sha256"]:
            return None
        return Restored(**{**entry["result"], "seconds": 0.0})

    def finish(self, target: Path, source: str, result: Restored) -> None:
        self._entries[target.name] = {
            "source_sha256": source,
            "settings": self._settings,
            "sha256": sha256_file(target),
            "result": asdict(result),
        }
        write_json(self._path, self._entries)


def _restore_one(image: Path, target: Path, restorer: Restorer) -> Restored:
    picture = read_image(image)
    bits = bit_depth(picture)
    height, width = picture.shape[:2]
    blurry = torch.from_numpy(as_float(picture)).permute(2, 0, 1)[None].contiguous()
    started = time.perf_counter()
    restored, side = restorer.restored(blurry)
    seconds = time.perf_counter() - started
    if not bool(torch.isfinite(restored).all()):
        raise ImageError(f"{image}: the network returns values that are not finite")
    array = restored[0].permute(1, 2, 0).numpy()
    write_picture(target, as_integer(array, bits), read_metadata(image))
    return Restored(
        image=str(image),
        restored=str(target),
        width=width,
        height=height,
        bits=bits,
        tiles=len(tiles_of(height, width, side, overlap_px(side))) if side else 1,
        tile_px=side,
        tiling_difference=restorer.tiling_difference(blurry, side) if side else 0.0,
        seconds=round(seconds, 3),
    )
