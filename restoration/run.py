"""Restore pictures into a folder; finished ones are not repeated, unfinished ones not kept."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from defocus.baselines.card import Baseline
from defocus.baselines.weights.store import StoredWeights
from defocus.blocks.carried import remarks_after
from defocus.blur.learned_map import estimate_blur_map
from defocus.datasets.api import open_dataset
from defocus.errors import InputError
from defocus.files import make_folder, require_writable, sha256_file, write_json
from defocus.isolation import LeftOut, attempt
from defocus.progress import printable, say, track
from defocus.reading import intact, read_json
from defocus.restoration.blur_map_files import map_paths, refuse_existing_map, write_map
from defocus.restoration.files.encoding import foreseen_remarks, write_picture, written_kind
from defocus.restoration.files.own_picture import read_mask, read_own_picture
from defocus.restoration.files.sources import given_pictures, targets_of, test_targets
from defocus.restoration.restoration import changed_share, restore_colours
from defocus.restoration.restorer import Restorer, overlap_px, restorer_of, tiles_of
from defocus.restoration.settings import RestoreSettings

JOURNAL = "restored.json"
_ROUNDING = 0.5 / 65535
"""Half a 16-bit step: a smaller difference is none."""


class RestoreJournal:
    """The journal of an output folder, for pictures made with some settings."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._path = folder / JOURNAL
        self._settings = settings
        self._entries: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            with intact(self._path, "move the folder away to start again", InputError, OSError):
                document = read_json(self._path)
                self._entries = {str(name): dict(entry) for name, entry in document.items()}

    def claim(self, targets: Sequence[Path]) -> None:
        """Note names before anything is written, so that a killed run knows its own files."""
        for target in targets:
            if target.exists() and target.name not in self._entries:
                raise InputError(f"{target}: a file of that name exists; choose another --out")
        for target in targets:
            self._entries.setdefault(target.name, {})
        write_json(self._path, self._entries)

    def finished(self, target: Path, source: str) -> dict[str, Any] | None:
        """What an earlier run said of a picture (SHA-256) made in the same way, if it is there."""
        entry = self._entries.get(target.name, {})
        same = entry.get("source_sha256") == source and entry.get("settings") == self._settings
        if not same or not target.exists() or sha256_file(target) != entry.get("sha256"):
            return None
        result = entry.get("result")
        return result if isinstance(result, dict) else None

    def finish(self, target: Path, source: str, result: dict[str, Any]) -> None:
        """Note that a picture is done, and what is to be said of it."""
        self._entries[target.name] = {
            "source_sha256": source,
            "settings": self._settings,
            "sha256": sha256_file(target),
            "result": result,
        }
        write_json(self._path, self._entries)


@dataclass(frozen=True)
class Restored:
    """Result for one picture, given and restored by their paths."""

    image: str
    restored: str
    width: int = 0
    height: int = 0
    bits: int = 0  # 8 or 16; 32 or 64 for floats
    tiles: int = 0  # 1 is the whole picture at once
    tile_px: int = 0  # largest side; 0 for the whole picture
    tiling_difference: float = 0.0  # largest change in [0, 1] of a part that was restored both ways
    checked: int = 0  # parts of 64 x 64 px that the guard examined
    put_back: int = 0  # those that the guard replaced by the given picture
    sharpest_px: float = 0.0  # circle of confusion in the picture's sharpest tenth
    too_blurred: bool = False  # that is too much to be rescued
    # share of pixels with a change above 2 of 255; None from earlier versions
    changed: float | None = None
    map: str = ""  # path of the map of blur as asked for
    remarks: tuple[str, ...] = ()  # what the restored picture lacks of the file
    system: str = ""
    seconds: float = 0.0  # 0.0 if it was restored before
    reason: str = ""  # why there is no restored picture; empty if there is one

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-restore --json`` prints."""
        return {**asdict(self), "tiling_changes_result": self.tiling_difference > _ROUNDING}


def restore_pictures(
    images: Sequence[Path] | str,
    system: Baseline,
    weights: StoredWeights | None,
    device: torch.device,
    settings: RestoreSettings,
) -> list[Restored]:
    """Restore pictures of any size in their own form, with their metadata; one result for each."""
    # A folder stands for the pictures in it, a text ``READER:PATH`` for a dataset's blurry test
    # pictures. Names stay; RAW files become PNG of 16 bits, and those of a dataset ``PAIR.png``,
    # where ``score --dataset`` finds them. Whatever an image fails by is its reason.
    restorer = restorer_of(system, weights, settings.tile, device)
    targets = _targets(images, settings.out)
    if settings.map is not None:
        _check_map(settings.map, [target for _, target in targets])
        if not (settings.out / JOURNAL).exists():
            refuse_existing_map(settings.map)
    identity = {**system.identity(), "weights": weights.sha256 if weights else ""}
    journal = RestoreJournal(make_folder(settings.out), {**identity, **settings.record()})
    if settings.map is not None:
        _refuse_other_map(settings.map, targets, journal)
    journal.claim([target for _, target in targets if isinstance(target, Path)])
    results = []
    for image, target in track(targets, "restoring"):
        result = (
            target
            if isinstance(target, LeftOut)
            else attempt(str(image), partial(_restored, image, target, journal, restorer, settings))
        )
        if isinstance(result, LeftOut):
            name, reason = result.id, result.reason
            say(f"{name} is left out: {reason.removeprefix(f'{name}: ')}", error=True)
            text = reason if name in reason else f"{name}: {reason}"
            results.append(Restored(str(image), "", reason=text))
        else:
            results.append(replace(result, system=system.card.name))
    return results


def _check_map(path: Path, targets: Sequence[Path | LeftOut]) -> None:
    """Refuse a map that could not be written, before anything is computed."""
    both = map_paths(path)
    if len(targets) > 1:
        raise InputError(f"{path}: a map is of one picture; {len(targets)} are given")
    for target in targets:
        if isinstance(target, Path) and target.absolute() in {one.absolute() for one in both}:
            raise InputError(f"{target}: the restored picture goes there; choose another map")
    require_writable(path.parent)


def _refuse_other_map(
    path: Path, targets: Sequence[tuple[Path, Path | LeftOut]], journal: RestoreJournal
) -> None:
    """Refuse to write over a map, unless an earlier run wrote it of the same picture."""
    for image, target in targets:
        if isinstance(target, LeftOut):
            continue
        earlier = _earlier(image, target, journal, sha256_file(image))
        if earlier is None or earlier.map != printable(str(path)):
            refuse_existing_map(path)


def _targets(images: Sequence[Path] | str, out: Path) -> Sequence[tuple[Path, Path | LeftOut]]:
    """Where each picture goes, or why it is left out."""
    if isinstance(images, str):
        return test_targets(open_dataset(images, damaged=True), out)
    pictures = given_pictures(images, out)
    return list(zip(pictures, targets_of(pictures, out), strict=True))


def _restored(
    image: Path,
    target: Path,
    journal: RestoreJournal,
    restorer: Restorer,
    settings: RestoreSettings,
) -> Restored:
    source = sha256_file(image)
    earlier = _earlier(image, target, journal, source)
    wanted = printable(str(settings.map or ""))
    if earlier is None:
        result = _restore_one(image, target, restorer, settings)
    else:
        result = replace(earlier, map=wanted, seconds=0.0)
        drawn = settings.map is None or all(one.exists() for one in map_paths(settings.map))
        if settings.map is None or (drawn and earlier.map == wanted):
            return result
        picture = read_own_picture(image, settings.white)
        write_map(settings.map, estimate_blur_map(picture.colours()), picture.orientation)
    own = {
        name: value for name, value in asdict(result).items() if name not in ("image", "restored")
    }
    journal.finish(target, source, own)
    return result


def _earlier(image: Path, target: Path, journal: RestoreJournal, source: str) -> Restored | None:
    """The result of an earlier run that still holds; None where another version wrote it."""
    entry = journal.finished(target, source)
    if entry is None:
        return None
    try:
        return Restored(**{**entry, "image": str(image), "restored": str(target)})
    except TypeError:  # a field that is not known here
        return None


def _restore_one(
    image: Path, target: Path, restorer: Restorer, settings: RestoreSettings
) -> Restored:
    picture = read_own_picture(image, settings.white)
    kind = written_kind(target, image, picture.metadata)
    remarks = foreseen_remarks(picture.stored, picture.metadata, kind)
    for remark in remarks:
        say(f"{image}: {remark}")
    mask = read_mask(settings.mask, picture) if settings.mask is not None else None
    blurry = picture.colours()
    height, width = blurry.shape[:2]
    started = time.perf_counter()
    blur_map = estimate_blur_map(blurry)
    if blur_map.too_blurred:
        say(
            f"{image}: too blurred to rescue: the circle of confusion is about "
            f"{blur_map.sharpest_px:.0f} px in its sharpest parts; hardly anything will change"
        )
    restoration = restore_colours(restorer, blurry, blur_map, guard=not settings.no_guard)
    seconds = time.perf_counter() - started
    side = restoration.tile_px
    difference = 0.0
    if side:
        tensor = torch.from_numpy(blurry).permute(2, 0, 1)[None]
        difference = restorer.tiling_difference(tensor, side)
    restored = restoration.at(settings.strength, mask, leave_sharp=settings.leave_sharp)
    output = replace(picture, stored=picture.with_colours(restored))
    del restored
    write_picture(target, output.stored, picture.metadata, kind)
    for remark in remarks_after(target.read_bytes(), picture.metadata, kind):
        if remark not in remarks:  # the file is what counts, whatever was foreseen
            say(f"{image}: {remark}")
            remarks = (*remarks, remark)
    if settings.map is not None:
        write_map(settings.map, blur_map, picture.orientation)
    return Restored(
        image=str(image),
        restored=str(target),
        width=width,
        height=height,
        bits=picture.bits,
        tiles=len(tiles_of(height, width, side, overlap_px(side))) if side else 1,
        tile_px=side,
        tiling_difference=difference,
        checked=restoration.checked,
        put_back=restoration.put_back,
        sharpest_px=round(blur_map.sharpest_px, 2),
        too_blurred=blur_map.too_blurred,
        # transparent pixels stay, grey has no tint
        changed=changed_share(blurry, output.colours()),
        map=printable(str(settings.map or "")),
        remarks=remarks,
        seconds=round(seconds, 3),
    )
