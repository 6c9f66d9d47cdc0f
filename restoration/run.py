"""Restore pictures into a folder; finished ones are not repeated, unfinished ones not kept."""

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.card import Baseline
from defocus.baselines.registry import known_baselines, plain_baseline
from defocus.baselines.weights.store import StoredWeights
from defocus.blur.learned_map import BlurMap, estimate_blur_map
from defocus.blur.shown_map import shown_map
from defocus.cluster.dispatcher import each
from defocus.errors import DefocusError, SettingsError
from defocus.pictures.carried import remarks_after
from defocus.pictures.headers import header_size
from defocus.pictures.raw import is_raw, raw_size
from defocus.pictures.read import read_own_picture
from defocus.pictures.values import OwnPicture, StoredColours
from defocus.pictures.write import foreseen_remarks, write_picture, written_kind
from defocus.processes.freed_memory import return_freed_memory
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import printable, say, track
from defocus.restoration.blur_map_files import (
    check_map,
    map_paths,
    refuse_existing_map,
    write_map,
)
from defocus.restoration.files.sources import Places, places_of, read_mask
from defocus.restoration.journal import JOURNAL, Restored, RestoreJournal
from defocus.restoration.listing import rounded
from defocus.restoration.restoration import Restoration, changed_share, restore_colours
from defocus.restoration.restorer import Restorer, restorer_of
from defocus.restoration.settings import RestoreSettings
from defocus.restoration.stages import Stages, in_stages
from defocus.storage.files import make_folder, sha256_file

Target = tuple[Path, Path | LeftOut]
"""A picture and the file to write, or the reason why it is left out."""

CPU = torch.device("cpu")
"""Device on which several processes, or other machines, restore."""


def restore_pictures(
    images: Sequence[Path] | str,
    system: Baseline,
    weights: StoredWeights | None,
    device: torch.device,
    settings: RestoreSettings,
) -> list[Restored]:
    """Restore pictures of any size in their own form, with their metadata; one result for each."""
    # A folder stands for the pictures in it, a text ``READER:PATH`` for a dataset's blurry test
    # pictures. Names stay; RAW files are developed to 16 bits, and those of a dataset are ``PAIR``,
    # where ``score --dataset`` finds them. Whatever an image fails by is its reason.
    restorer = restorer_of(system, weights, settings.tile, device)
    targets, whites = places_of(images, settings.out)
    identity = {**system.identity(), "weights": weights.sha256 if weights else ""}
    journal = _opened_journal(identity, settings, targets)
    finished: Iterator[tuple[int, Restored | LeftOut]]
    if settings.where == 1:
        pictures = PictureStages(journal, restorer, settings, whites)
        stages = Stages(pictures.read, pictures.restore, pictures.write, is_large)
        finished = enumerate(in_stages(targets, stages))
    else:
        workers = RestoringWorkers.like(
            restorer,
            system,
            weights,
            journal,
            settings,
            whites,
        )
        finished = restored_elsewhere(workers, targets)
    results: dict[int, Restored] = {}
    for number, result in track(finished, "restoring", len(targets)):
        if isinstance(result, LeftOut):
            results[number] = _failed(targets[number][0], result)
        else:
            results[number] = replace(result, system=system.card.name)
    return [results[number] for number in range(len(targets))]


def _opened_journal(
    identity: Mapping[str, str | int],
    settings: RestoreSettings,
    targets: Places,
) -> RestoreJournal:
    """The journal of the folder, after a check that pictures and map can be written there."""
    if settings.map is not None:
        check_map(settings.map, [target for _, target in targets])
        if not (settings.out / JOURNAL).exists():
            refuse_existing_map(settings.map)
    journal = RestoreJournal(
        make_folder(settings.out),
        {**identity, **settings.record()},
    )
    if settings.map is not None:
        _refuse_other_map(settings.map, targets, journal)
    journal.claim([target for _, target in targets if isinstance(target, Path)])
    return journal


def _failed(image: Path, failure: LeftOut) -> Restored:
    """The result of a picture that is left out, which is reported."""
    name = failure.id
    reason = failure.reason
    say(f"{name} is left out: {reason.removeprefix(f'{name}: ')}", error=True)
    text = reason if name in reason else f"{name}: {reason}"
    return Restored(str(image), "", reason=text)


def _refuse_other_map(
    path: Path,
    targets: Sequence[Target],
    journal: RestoreJournal,
) -> None:
    """Refuse to write over a map, unless an earlier run wrote it of the same picture."""
    for image, target in targets:
        if isinstance(target, LeftOut):
            continue
        earlier = journal.earlier(image, target, sha256_file(image))
        if earlier is None or earlier.map != printable(str(path)):
            refuse_existing_map(path)


SHARES = {2: "half", 3: "a third of", 4: "a quarter of"}
"""Words for the size before an enlargement by a factor."""

MOST_PIXELS_BESIDE = 26_000_000
"""Size, px, of the largest picture during whose work the next one is read and the last one written.
24 megapixels are below it and take 1 GB less than the 2.5 GB of 60 megapixels."""


def is_large(place: Target) -> bool:
    """Whether a picture needs the memory for itself; one that does not say its size may."""
    image, target = place
    if isinstance(target, LeftOut):
        return False
    try:
        width, height = raw_size(image) if is_raw(image) else header_size(image)
    except (DefocusError, OSError, ValueError):  # reading it says why
        return False
    return not 0 < width * height <= MOST_PIXELS_BESIDE


@dataclass(frozen=True)
class GivenPicture:
    """A picture that was read, and where it goes."""

    image: Path
    target: Path
    source: str  # SHA-256 of its file
    kind: str  # of the file to write
    picture: OwnPicture
    mask: NDArray[np.float32] | None
    remarks: tuple[str, ...]  # what the written file will lack
    # what an earlier run made of it, which lacks no more than the map
    earlier: Restored | None


@dataclass(frozen=True)
class RestoredPicture:
    """A picture that was restored and is not written yet."""

    target: Path
    source: str
    kind: str
    picture: OwnPicture
    new: bool  # not where an earlier run wrote it
    blur_map: BlurMap | None  # as it is shown; None if it is not asked for
    result: Restored


@dataclass(frozen=True)
class WrittenPicture:
    """A restored picture that was written and is not in the journal yet."""

    target: Path
    source: str
    result: Restored


@dataclass(frozen=True)
class PictureStages:
    """The work on each picture; a failure at one stage passes through the later stages."""

    journal: RestoreJournal
    restorer: Restorer
    settings: RestoreSettings
    # of 16 bits, where a dataset says it
    whites: Mapping[Path, int] = field(default_factory=dict)

    def read(self, place: Target) -> GivenPicture | Restored | LeftOut:
        """Read a picture, unless it was restored before."""
        image, target = place
        if isinstance(target, LeftOut):
            return target
        return attempt(str(image), partial(self._read, image, target))

    def restore(
        self, given: GivenPicture | Restored | LeftOut
    ) -> RestoredPicture | Restored | LeftOut:
        """Estimate the blur of a picture and restore it."""
        if not isinstance(given, GivenPicture):
            return given
        earlier = given.earlier
        restore = partial(self._restore, given)
        work = restore if earlier is None else partial(self._estimate, given, earlier)
        return attempt(str(given.image), work)

    def write(self, output: RestoredPicture | Restored | LeftOut) -> Restored | LeftOut:
        """Write a restored picture, and its map if that is asked for."""
        if not isinstance(output, RestoredPicture):
            return output
        written = attempt(output.result.image, partial(self._write, output))
        return written if isinstance(written, LeftOut) else self._noted(written)

    def made(self, place: Target) -> WrittenPicture | Restored | LeftOut:
        """All stages of a picture but the journal, which the caller writes."""
        output = self.restore(self.read(place))
        if not isinstance(output, RestoredPicture):
            return output
        return attempt(output.result.image, partial(self._write, output))

    def _noted(self, written: WrittenPicture) -> Restored:
        self.journal.finish(written.target, written.source, written.result)
        return written.result

    def _read(self, image: Path, target: Path) -> GivenPicture | Restored:
        source = sha256_file(image)
        earlier = self.journal.earlier(image, target, source)
        if earlier is not None:
            wanted = self.settings.map
            same_map = earlier.map == printable(str(wanted or ""))
            earlier = replace(earlier, map=printable(str(wanted or "")), seconds=0.0)
            if wanted is None or (
                same_map and all(one.exists() for one in map_paths(wanted))
            ):
                return earlier
        deep_white = self.whites.get(image)
        picture = read_own_picture(image, self.settings.white, deep_white)
        kind = written_kind(target, image, picture.metadata)
        remarks = foreseen_remarks(picture.stored, picture.metadata, kind)
        mask = (
            None
            if self.settings.mask is None
            else read_mask(self.settings.mask, picture)
        )
        return GivenPicture(
            image,
            target,
            source,
            kind,
            picture,
            mask,
            remarks,
            earlier,
        )

    def _estimate(self, given: GivenPicture, earlier: Restored) -> RestoredPicture:
        """The map of a picture that was restored before."""
        blur_map = estimate_blur_map(StoredColours(given.picture))
        shown = self._shown(blur_map, given.picture)
        return RestoredPicture(
            given.target,
            given.source,
            given.kind,
            given.picture,
            False,
            shown,
            earlier,
        )

    def _shown(self, blur_map: BlurMap, picture: OwnPicture) -> BlurMap | None:
        if self.settings.map is None:
            return None
        return shown_map(blur_map, picture.luma())

    def _restore(self, given: GivenPicture) -> RestoredPicture:
        image = given.image
        picture = given.picture
        for remark in given.remarks:
            say(f"{image}: {remark}")
        settings = self.settings
        blurry = StoredColours(picture)
        started = time.perf_counter()
        blur_map = _estimated(blurry, image)
        restoration = restore_colours(
            self.restorer,
            blurry,
            blur_map,
            guard=not settings.no_guard,
        )
        seconds = time.perf_counter() - started
        mixture = restoration.mixed(
            settings.strength,
            given.mask,
            leave_sharp=settings.leave_sharp,
        )
        output = replace(picture, stored=picture.with_colours(mixture))
        result = self._result(given, restoration, blur_map)
        _say_enlarged(result)
        del restoration, mixture  # floats of the whole picture
        return_freed_memory(result.width * result.height)
        # transparent pixels stay, grey has no tint
        changed = changed_share(blurry, StoredColours(output))
        result = replace(result, changed=changed, seconds=round(seconds, 3))
        shown = self._shown(blur_map, picture)
        return RestoredPicture(
            given.target,
            given.source,
            given.kind,
            output,
            True,
            shown,
            result,
        )

    def _result(
        self,
        given: GivenPicture,
        restoration: Restoration,
        blur_map: BlurMap,
    ) -> Restored:
        """The journal's entry of a restored picture."""
        blurry = StoredColours(given.picture)
        tiled = restoration.tiled
        height, width, _ = blurry.shape
        return Restored(
            image=str(given.image),
            restored=str(given.target),
            width=width,
            height=height,
            bits=given.picture.bits,
            tiles=restoration.tiles,
            tile_px=0 if tiled is None else tiled.tile_px,
            tiling_difference=self._tiling_difference(restoration),
            checked=restoration.checked,
            put_back=restoration.put_back,
            sharpest_px=rounded(blur_map.sharpest_px, 2),
            too_blurred=blur_map.too_blurred,
            enlarged=restoration.plan.enlarged,
            map=printable(str(self.settings.map or "")),
            remarks=given.remarks,
        )

    def _tiling_difference(self, restoration: Restoration) -> float:
        """Largest difference of a value in [0, 1] that tiles can make; 0 without tiles."""
        tiled = restoration.tiled
        if tiled is None:
            return 0.0
        picture = restoration.given_at(tiled.factor)
        return self.restorer.tiling_difference(picture, tiled.tile_px)

    def _write(self, output: RestoredPicture) -> WrittenPicture:
        picture = output.picture
        target = output.target
        result = output.result
        if output.new:
            write_picture(target, picture.stored, picture.metadata, output.kind)
            remarks = list(result.remarks)
            for remark in remarks_after(
                target.read_bytes(),
                picture.metadata,
                output.kind,
            ):
                # the file is what counts, whatever was foreseen
                if remark not in remarks:
                    say(f"{result.image}: {remark}")
                    remarks.append(remark)
            result = replace(result, remarks=tuple(remarks))
        if self.settings.map is not None and output.blur_map is not None:
            write_map(self.settings.map, output.blur_map, picture.orientation)
        return WrittenPicture(target, output.source, result)


def _estimated(blurry: StoredColours, image: object) -> BlurMap:
    """The map of blur of a picture; it is said if no details will come back."""
    blur_map = estimate_blur_map(blurry)
    if blur_map.too_blurred:
        say(
            f"{image}: too blurred to rescue: the circle of confusion is about "
            f"{blur_map.sharpest_px:.0f} px or more in its sharpest parts; coarse things "
            "may come back, details will not"
        )
    return blur_map


def _say_enlarged(result: Restored) -> None:
    """Say that a picture was enlarged, and at which size it is restored for that."""
    factor = result.enlarged
    if factor > 1:
        share = SHARES[factor]
        say(f"{result.image}: was enlarged by {factor}: restored at {share} its size")


@dataclass(frozen=True)
class RestoringWorkers:
    """Restores pictures in other processes in the same way as in this one."""

    system: str | Baseline  # by its name, if it has one that others know
    weights: StoredWeights | None
    budget: float  # bytes for the tensors of a tile, on which the tiles depend
    precision: str
    journal: RestoreJournal  # as it was at the beginning
    settings: RestoreSettings
    whites: Mapping[Path, int]

    @classmethod
    def like(
        cls,
        restorer: Restorer,
        system: Baseline,
        weights: StoredWeights | None,
        journal: RestoreJournal,
        settings: RestoreSettings,
        whites: Mapping[Path, int],
    ) -> Self:
        """Workers with the tiles and the precision of a restorer of this process."""
        name = system.card.name
        known = known_baselines([name]).get(name) == system
        return cls(
            name if known else system,
            weights,
            restorer.budget,
            restorer.precision,
            journal,
            settings,
            whites,
        )

    @cached_property
    def stages(self) -> PictureStages:
        """The stages of a worker, made with its first picture."""
        system = (
            plain_baseline(self.system) if isinstance(self.system, str) else self.system
        )
        restorer = restorer_of(system, self.weights, self.settings.tile, CPU)
        if restorer.precision != self.precision:
            raise SettingsError(
                f"{socket.gethostname()} computes in {restorer.precision}, this machine in "
                f"{self.precision}; use machines with the same kind of processor"
            )
        restorer = replace(restorer, budget=self.budget)
        return PictureStages(self.journal, restorer, self.settings, self.whites)


def restored_elsewhere(
    workers: RestoringWorkers,
    targets: Places,
) -> Iterator[tuple[int, Restored | LeftOut]]:
    """Yield the number of each picture and what became of it, as it is ready."""
    places = {str(number): place for number, place in enumerate(targets)}
    made = each(partial(_made, workers), places, workers.settings.where)
    with contextlib.closing(made) as results:
        for number, result in results:
            image, _ = places[number]
            if isinstance(result, WrittenPicture):
                workers.journal.finish(result.target, result.source, result.result)
                yield int(number), result.result
            # its processes were killed
            elif isinstance(result, LeftOut) and result.id == number:
                yield int(number), LeftOut(str(image), result.reason)
            else:
                yield int(number), result


def _made(
    workers: RestoringWorkers,
    place: Target,
) -> WrittenPicture | Restored | LeftOut:
    return workers.stages.made(place)
